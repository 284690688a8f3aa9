package local

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"journeys/internal/manifest"
)

// FeedbackPath is the path by which a caller plays the provider that reports what became
// of a message.
const FeedbackPath = "/_local/feedback"

// played is the body of a call of FeedbackPath.
type played struct {
	Tenant  string `json:"tenant"`
	Message string `json:"messageId"`
	Kind    string `json:"kind"`
	Address string `json:"address,omitzero"` // of the recipient; a bounce or a complaint suppresses it
}

// sesEvents are the events of SES by the kinds of feedback.
var sesEvents = map[string]string{
	"delivered": "Delivery", "opened": "Open", "clicked": "Click", "bounced": "Bounce", "complained": "Complaint",
}

// playFeedback invokes the function feedback with the event that SES would send, and
// answers 202.
func playFeedback(invoke func(name string, payload []byte) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var p played
		err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, 1<<16), &p, json.RejectUnknownMembers(true))
		event := sesEvents[p.Kind]
		if r.Method != http.MethodPost || err != nil || event == "" {
			http.Error(w, `only POST {"tenant","messageId","kind"}, kind: delivered, bounced, complained, opened or clicked`, http.StatusBadRequest)
			return
		}
		recipients, now := []map[string]string{{"emailAddress": p.Address}}, time.Now().UTC()
		detail := map[string]any{
			"eventType": event,
			"bounce":    map[string]any{"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": recipients, "timestamp": now},
			"complaint": map[string]any{"complainedRecipients": recipients, "timestamp": now},
			"mail": map[string]any{"tags": map[string][]string{
				manifest.TagInstallation: {Table}, manifest.TagTenant: {p.Tenant}, manifest.TagMessage: {p.Message},
			}},
		}
		payload, err := json.Marshal(map[string]any{"source": "aws.ses", "detail": detail})
		if err == nil {
			_, err = invoke(manifest.Feedback.Name, payload)
		}
		if err != nil {
			http.Error(w, "the function feedback cannot be invoked", http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}
}
