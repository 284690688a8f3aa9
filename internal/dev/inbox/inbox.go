// Package inbox is the channel of a local run: it keeps the messages that the
// provider sends, and lists them over HTTP.
package inbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxMessage is the longest message that is accepted, in bytes.
const maxMessage = 1 << 20

// message is what the provider posts to a channel over HTTP, and what the inbox
// lists.
type message struct {
	Key        string         `json:"idempotencyKey"`
	ID         string         `json:"messageId,omitzero"`
	Tenant     string         `json:"tenant"`
	Journey    string         `json:"journeyId"`
	Customer   string         `json:"customerId"`
	NodeID     string         `json:"nodeId"`
	Channel    string         `json:"channel"`
	TemplateID *string        `json:"templateId"`
	Payload    jsontext.Value `json:"payload"`
	Address    string         `json:"address,omitzero"`
	At         string         `json:"at"`
	Test       bool           `json:"test,omitzero"`

	Topic       string            `json:"topic,omitzero"`
	Unsubscribe map[string]string `json:"unsubscribe,omitzero"`
	Headers     map[string]string `json:"headers,omitzero"`
}

// Inbox keeps the first message of each idempotency key, in memory. The zero
// value is empty and ready for use. It is safe for concurrent use.
type Inbox struct {
	mu       sync.Mutex
	known    map[string]bool // idempotency keys
	messages []message       // in order of arrival
}

// ServeHTTP takes a message by POST and answers 204, also to a repeated one, or 422 if
// its address is one that is refused. By GET it lists messages in order of arrival, filtered by ?journeyId and
// ?customerId, and of these the last ?limit.
func (i *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		i.list(w, r)
	case http.MethodPost:
		i.receive(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "only GET and POST", http.StatusMethodNotAllowed)
	}
}

func (i *Inbox) receive(w http.ResponseWriter, r *http.Request) {
	var m message
	body := http.MaxBytesReader(w, r.Body, maxMessage)
	if err := json.UnmarshalRead(body, &m, json.RejectUnknownMembers(true)); err != nil || m.Key == "" {
		http.Error(w, "not a message with an idempotencyKey", http.StatusBadRequest)
		return
	}
	if refuses(m.Address) {
		http.Error(w, "the inbox refuses addresses at "+RefusedDomain+" and numbers that begin with "+RefusedPrefix, http.StatusUnprocessableEntity)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.known[m.Key] {
		if i.known == nil {
			i.known = map[string]bool{}
		}
		i.known[m.Key] = true
		i.messages = append(i.messages, m)
	}
	w.WriteHeader(http.StatusNoContent)
}

// Addresses that the inbox refuses for good, so that a customer fails at once and the
// failure can be mended: e-mail addresses at a domain, numbers with a prefix that no
// country has.
const (
	RefusedDomain = "refused.example"
	RefusedPrefix = "+000"
)

func refuses(address string) bool {
	return strings.HasSuffix(strings.ToLower(address), "@"+RefusedDomain) || strings.HasPrefix(address, RefusedPrefix)
}

// parameters are those of a list.
var parameters = []string{"journeyId", "customerId", "limit"}

func (i *Inbox) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for name := range query {
		if !slices.Contains(parameters, name) {
			http.Error(w, "unknown parameter; allowed here: "+strings.Join(parameters, ", "), http.StatusBadRequest)
			return
		}
	}
	limit := -1
	if query.Has("limit") {
		n, err := strconv.Atoi(query.Get("limit"))
		if err != nil || n < 1 {
			http.Error(w, "limit must be a whole number of at least 1", http.StatusBadRequest)
			return
		}
		limit = n
	}
	found := i.find(query.Get("journeyId"), query.Get("customerId"))
	page := struct {
		Total int       `json:"total"`
		Data  []message `json:"data"`
	}{len(found), found}
	if limit >= 0 && limit < len(found) {
		page.Data = found[len(found)-limit:]
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, page)
}

// find returns the messages of a journey and a customer; "" matches any.
func (i *Inbox) find(journeyID, customer string) []message {
	i.mu.Lock()
	defer i.mu.Unlock()
	var found []message
	for _, m := range i.messages {
		if (journeyID == "" || m.Journey == journeyID) && (customer == "" || m.Customer == customer) {
			found = append(found, m)
		}
	}
	return found
}
