package pack

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"journeys/internal/journey"
)

// eventPrefix begins the name of an attribute that holds a remembered event. So several
// writers add events to one item without reading it, and the same event is one attribute.
const eventPrefix = "e"

// EventName returns the name of the attribute that holds an event: eventPrefix and its
// Stamp in base64url.
func EventName(s journey.Stamp) string {
	return eventPrefix + base64.RawURLEncoding.EncodeToString(Stamp(s))
}

// Stamp returns a stamp as six bytes of milliseconds since 1970 and six of its id; nil for
// the zero one.
func Stamp(s journey.Stamp) []byte {
	if s == (journey.Stamp{}) {
		return nil
	}
	var ms, id [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(s.At.UnixMilli()))
	binary.BigEndian.PutUint64(id[:], s.ID)
	return append(ms[2:], id[2:]...)
}

// ReadStamp returns the stamp that Stamp packed; the zero one for anything else.
func ReadStamp(packed []byte) journey.Stamp {
	if len(packed) != 12 {
		return journey.Stamp{}
	}
	ms := binary.BigEndian.Uint64(append(make([]byte, 2), packed[:6]...))
	id := binary.BigEndian.Uint64(append(make([]byte, 2), packed[6:]...))
	return journey.Stamp{At: time.UnixMilli(int64(ms)).UTC(), ID: id}
}

// EventValue returns the value of that attribute: the properties, empty for none.
func EventValue(properties []byte) types.AttributeValue {
	return &types.AttributeValueMemberB{Value: append([]byte{}, properties...)}
}

// Events returns the events in an item, in order.
func Events(it map[string]types.AttributeValue) ([]journey.Received, error) {
	var list []journey.Received
	for name, value := range it {
		text, ok := strings.CutPrefix(name, eventPrefix)
		if !ok {
			continue
		}
		packed, err := base64.RawURLEncoding.DecodeString(text)
		stamp := ReadStamp(packed)
		properties, isBinary := value.(*types.AttributeValueMemberB)
		if err != nil || stamp == (journey.Stamp{}) || !isBinary {
			return nil, fmt.Errorf("pack: attribute %s is no remembered event", name)
		}
		event := journey.Received{Stamp: stamp}
		if len(properties.Value) > 0 {
			event.Properties = properties.Value
		}
		list = append(list, event)
	}
	slices.SortFunc(list, func(a, b journey.Received) int { return a.Compare(b.Stamp) })
	return list, nil
}
