package local

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/strict"
)

// FeedbackPath is the path by which a caller plays the provider that reports what became
// of a message.
const FeedbackPath = "/_local/feedback"

// played is the body of a call of FeedbackPath.
type played struct {
	tenant  ident.Tenant
	message message.ID
	event   string // of SES
	address string // of the recipient; a bounce or a complaint suppresses it
}

// sesEvents are the events of SES by the kinds of feedback.
var sesEvents = map[string]string{
	"delivered": "Delivery", "opened": "Open", "clicked": "Click", "bounced": "Bounce", "complained": "Complaint",
}

// player plays the provider.
type player struct {
	find   func(ctx context.Context, t ident.Tenant, id message.ID, now time.Time) (message.Record, error)
	invoke func(name string, payload []byte) (string, error)
}

// ServeHTTP invokes the function feedback with the event that SES would send, and answers
// 202. It answers 400 with a line for each fault, and 404 if the message is not known.
func (p player) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil {
		http.Error(w, "the body must be complete, and at most 64 KB long", http.StatusBadRequest)
		return
	}
	var faults strict.Faults
	report := readPlayed(body, &faults)
	if !faults.Empty() {
		http.Error(w, faultLines(&faults), http.StatusBadRequest)
		return
	}
	_, err = p.find(r.Context(), report.tenant, report.message, time.Now())
	if errors.Is(err, journey.ErrNoMessage) {
		http.Error(w, "no message of tenant "+report.tenant.String()+" has this id; "+InboxPath+
			" lists the messages with their ids, and nothing is recorded of a test", http.StatusNotFound)
		return
	}
	if err == nil {
		err = p.play(report)
	}
	if err != nil {
		http.Error(w, "the table could not be read, or the function feedback not invoked", http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// readPlayed reads the body of a call. It is only valid if there are no faults.
func readPlayed(body []byte, faults *strict.Faults) (p played) {
	v, ok := strict.Parse(body, faults)
	if !ok {
		return played{}
	}
	o, ok := v.Object()
	if !ok {
		return played{}
	}
	if v, ok := o.Need("tenant"); ok {
		text, _ := v.Text(1, strict.MaxWord)
		if p.tenant, ok = ident.ParseTenant(text); !ok && text != "" {
			v.Fault("must be the name of a tenant")
		}
	}
	if v, ok := o.Need("messageId"); ok {
		text, _ := v.Text(1, 64)
		if p.message, ok = message.ParseID(text); !ok && text != "" {
			v.Fault("must be the messageId of a message: 22 characters of A-Z, a-z, 0-9, - and _")
		}
	}
	if v, ok := o.Need("kind"); ok {
		kind, _ := v.OneOf("delivered", "opened", "clicked", "bounced", "complained")
		p.event = sesEvents[kind]
	}
	if v, ok := o.Take("address"); ok {
		p.address, _ = v.Text(1, 320)
	}
	o.Done("tenant", "messageId", "kind", "address")
	return p
}

// faultLines returns a line for each fault.
func faultLines(faults *strict.Faults) string {
	var lines []string
	for _, f := range faults.List() {
		lines = append(lines, strings.TrimSpace(f.Pointer+" "+f.Detail))
	}
	return strings.Join(lines, "\n")
}

// play invokes the function feedback.
func (p player) play(report played) error {
	recipients, now := []map[string]string{{"emailAddress": report.address}}, time.Now().UTC()
	detail := map[string]any{
		"eventType": report.event,
		"bounce":    map[string]any{"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": recipients, "timestamp": now},
		"complaint": map[string]any{"complainedRecipients": recipients, "timestamp": now},
		"mail": map[string]any{"tags": map[string][]string{
			manifest.TagInstallation: {Table}, manifest.TagTenant: {report.tenant.String()}, manifest.TagMessage: {report.message.String()},
		}},
	}
	payload, err := json.Marshal(map[string]any{"source": "aws.ses", "detail": detail})
	if err != nil {
		return err
	}
	_, err = p.invoke(manifest.Feedback.Name, payload)
	return err
}
