package provider

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
)

// maxMessage is how many bytes of a message an Inbox takes.
const maxMessage = 1 << 20

// Inbox is what the channels of one machine have sent: one message for each
// idempotency key, the first that came. The zero value is empty and ready. It
// may be used by many at once.
type Inbox struct {
	mu       sync.Mutex
	known    map[string]bool
	messages []message // in the order in which they came
}

// ServeHTTP takes a message by POST, with 204 also for one that it has, and
// lists messages by GET in the order in which they came: all, or those of
// ?journeyId and ?customerId, and of these the first ?limit.
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
	m.Address = "" // the contract lists no address
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

func (i *Inbox) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
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
		page.Data = found[:limit]
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, page)
}

// find returns the messages of a journey and customer, "" for any.
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
