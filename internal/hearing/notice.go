// Package hearing records what providers report of messages: SES by EventBridge, and End
// User Messaging by SNS.
package hearing

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"journeys/internal/feedback"
	"journeys/internal/manifest"
)

// notice is an event of a provider about one message.
type notice struct {
	installation, tenant, message string // as tagged; "" without the tag
	test                          bool
	event                         string // as the provider calls it
	kind                          feedback.Kind
	counts                        bool     // the event is feedback of that kind
	suppress                      string   // reason to suppress the addresses; "" for none
	addresses                     []string // that the event is about
	attribute                     string   // of a customer, which has such addresses
	at                            time.Time
}

// The reasons for which an address is suppressed.
const (
	reasonBounce    = "bounce"
	reasonComplaint = "complaint"
)

// invocation is what the function receives: an event of EventBridge, or notifications of
// SNS.
type invocation struct {
	Source  string          `json:"source"`
	Detail  json.RawMessage `json:"detail"`
	Records []struct {
		SNS struct {
			Message string `json:"Message"`
		} `json:"Sns"`
	} `json:"Records"`
}

var errInvocation = errors.New("hearing: neither an event of SES nor notifications of SNS")

// readNotices returns the notices of an invocation.
func readNotices(raw []byte) ([]notice, error) {
	var in invocation
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("%w: %w", errInvocation, err)
	}
	if in.Source == "aws.ses" {
		n, err := readMail(in.Detail)
		return []notice{n}, err
	}
	if len(in.Records) == 0 {
		return nil, errInvocation
	}
	var list []notice
	for _, r := range in.Records {
		n, err := readText([]byte(r.SNS.Message))
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// mailEvent is an event of SES about a mail.
type mailEvent struct {
	EventType string `json:"eventType"`
	Mail      struct {
		Tags map[string][]string `json:"tags"`
	} `json:"mail"`
	Bounce struct {
		BounceType string      `json:"bounceType"`
		At         time.Time   `json:"timestamp"`
		Recipients []recipient `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		SubType    string      `json:"complaintSubType"`
		Feedback   string      `json:"complaintFeedbackType"`
		At         time.Time   `json:"timestamp"`
		Recipients []recipient `json:"complainedRecipients"`
	} `json:"complaint"`
}

type recipient struct {
	Address string `json:"emailAddress"`
}

func readMail(raw []byte) (n notice, err error) {
	var e mailEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return n, fmt.Errorf("%w: %w", errInvocation, err)
	}
	tag := func(name string) string {
		if values := e.Mail.Tags[name]; len(values) == 1 {
			return values[0]
		}
		return ""
	}
	n = notice{
		installation: tag(manifest.TagInstallation), tenant: tag(manifest.TagTenant), message: tag(manifest.TagMessage),
		test: tag(manifest.TagTest) != "", event: e.EventType, counts: true,
		attribute: "email",
	}
	switch e.EventType {
	case "Delivery":
		n.kind = feedback.Delivered
	case "Open":
		n.kind = feedback.Opened
	case "Click":
		n.kind = feedback.Clicked
	case "Bounce":
		n.kind, n.suppress, n.addresses, n.at = feedback.Bounced, reasonBounce, addressesOf(e.Bounce.Recipients), e.Bounce.At
		// A mailbox that is full, or a message that is too large, says nothing of the address.
		n.counts = e.Bounce.BounceType == "Permanent"
	case "Complaint":
		n.kind, n.suppress, n.addresses, n.at = feedback.Complained, reasonComplaint, addressesOf(e.Complaint.Recipients), e.Complaint.At
		n.counts = e.Complaint.Feedback != "not-spam"
		if e.Complaint.SubType == "OnAccountSuppressionList" { // SES did not send it
			n.kind, n.suppress = feedback.Bounced, reasonBounce
		}
	default:
		n.counts = false
	}
	if !n.counts {
		n.suppress = ""
	}
	return n, nil
}

func addressesOf(list []recipient) (addresses []string) {
	for _, r := range list {
		addresses = append(addresses, r.Address)
	}
	return addresses
}

// textEvent is an event of End User Messaging about a text message.
type textEvent struct {
	EventType   string            `json:"eventType"`
	IsFinal     bool              `json:"isFinal"`
	Destination string            `json:"destinationPhoneNumber"`
	At          int64             `json:"eventTimestamp"` // milliseconds since 1970
	Context     map[string]string `json:"context"`
}

func readText(raw []byte) (n notice, err error) {
	var e textEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return n, fmt.Errorf("%w: %w", errInvocation, err)
	}
	n = notice{
		installation: e.Context[manifest.TagInstallation], tenant: e.Context[manifest.TagTenant],
		message: e.Context[manifest.TagMessage], test: e.Context[manifest.TagTest] != "", event: e.EventType,
		attribute: "phone", at: time.UnixMilli(e.At).UTC(),
	}
	switch e.EventType {
	case "TEXT_DELIVERED":
		n.kind, n.counts = feedback.Delivered, true
	case "TEXT_SUCCESSFUL": // some carriers report no more than that they accepted it
		n.kind, n.counts = feedback.Delivered, e.IsFinal
	case "TEXT_INVALID": // no such number; the others may pass
		n.kind, n.counts, n.suppress, n.addresses = feedback.Bounced, true, reasonBounce, []string{e.Destination}
	}
	return n, nil
}
