// Package message has the ids of messages, what an id stands for, and the tokens by which
// a recipient unsubscribes.
package message

import (
	"encoding/base64"
	"strconv"
	"time"

	"journeys/internal/digest"
	"journeys/internal/ident"
)

// ID identifies a message. It goes with the message, and comes back with what became of it.
type ID [16]byte

// NewID returns the id of the message that a node sends in a run: the same for every
// attempt. It is no secret: the request of a run that an event starts follows from the event.
func NewID(t ident.Tenant, id ident.ID, customer string, run, node int, request ident.RequestID) ID {
	sum := digest.Of(t.String(), string(id), customer, strconv.Itoa(run), strconv.Itoa(node), string(request[:]))
	return ID(sum[:len(ID{})])
}

// ParseID parses the text of an id.
func ParseID(text string) (id ID, ok bool) {
	b, err := encoding.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return ID{}, false
	}
	return ID(b), true
}

// String returns the id in base64url: 22 characters.
func (id ID) String() string { return encoding.EncodeToString(id[:]) }

// encoding refuses texts that another text of the same bytes stands for.
var encoding = base64.RawURLEncoding.Strict()

// Record is what an id stands for. If its customer was forgotten, it names no run.
type Record struct {
	ID      ID
	Channel string // as the installation knows it
	Named   string // the same channel, as the channel_action names it
	Topic   string // "" for none
	Address string // hash of the address, if there is a topic and an address

	Customer  string // "" if the customer was forgotten
	Journey   ident.ID
	GraphHash string
	Version   int
	Run       int
	Node      int // index

	ExpiresAt time.Time // from then on the record counts as missing
}

// How long a record is kept after the message was sent.
const (
	Life      = 90 * 24 * time.Hour
	TopicLife = 2 * 365 * 24 * time.Hour // of a message with a topic, whose recipient may unsubscribe late
)

// Expiry returns when the record of a message that is sent at now expires, in whole
// seconds.
func Expiry(topic string, now time.Time) time.Time {
	life := Life
	if topic != "" {
		life = TopicLife
	}
	return now.Add(life).UTC().Truncate(time.Second)
}
