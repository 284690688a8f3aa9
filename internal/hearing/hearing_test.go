package hearing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/feedback"
	"journeys/internal/hearing"
	"journeys/internal/ident"
	"journeys/internal/message"
)

var (
	id        = message.ID{1, 2, 3}
	refusedAt = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
)

// mail returns an event of SES as EventBridge hands it over.
func mail(event, detail string) string {
	return `{"version":"0","detail-type":"Email","source":"aws.ses","account":"123456789012","detail":{"eventType":"` + event + `",` + detail +
		`"mail":{"messageId":"0100","destination":["ada@example.com"],"tags":{"ses:configuration-set":["journeys"],"journeys":["table"],"tenant":["demo"],"message":["` +
		id.String() + `"]}}}}`
}

func bounce(kind, subtype string) string {
	return mail("Bounce", `"bounce":{"timestamp":"2026-11-23T10:00:00.000Z","bounceType":"`+kind+`","bounceSubType":"`+subtype+`","bouncedRecipients":[{"emailAddress":"ada@example.com","status":"5.1.1"}]},`)
}

func complaint(subtype, kind string) string {
	return mail("Complaint", `"complaint":{"timestamp":"2026-11-23T10:00:00.000Z","complaintSubType":`+subtype+`,"complaintFeedbackType":"`+kind+`","complainedRecipients":[{"emailAddress":"ada@example.com"}]},`)
}

// text returns a notification of SNS with an event of End User Messaging.
func text(event string, final bool) string {
	inner := fmt.Sprintf(`{"eventType":%q,"eventVersion":"1.0","eventTimestamp":1795428000000,"isFinal":%t,"destinationPhoneNumber":"+14255550156","messageId":"862a",`+
		`"context":{"journeys":"table","tenant":"demo","message":%q}}`, event, final, id.String())
	quoted, _ := json.Marshal(inner)
	return `{"Records":[{"EventSource":"aws:sns","Sns":{"Message":` + string(quoted) + `}}]}`
}

func TestHandle_RecordsWhatProvidersReport(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		event            string
		kind, suppressed string
	}{
		"delivery":                {mail("Delivery", ""), "delivered", ""},
		"open":                    {mail("Open", ""), "opened", ""},
		"click":                   {mail("Click", `"click":{"link":"https://example.com"},`), "clicked", ""},
		"permanent bounce":        {bounce("Permanent", "General"), "bounced", "email ada@example.com bounce"},
		"account's list":          {bounce("Permanent", "OnAccountSuppressionList"), "bounced", "email ada@example.com bounce"},
		"mailbox full":            {bounce("Transient", "MailboxFull"), "", ""},
		"too large":               {bounce("Transient", "MessageTooLarge"), "", ""},
		"content rejected":        {bounce("Transient", "ContentRejected"), "", ""},
		"undetermined":            {bounce("Undetermined", "Undetermined"), "", ""},
		"complaint":               {complaint("null", "abuse"), "complained", "email ada@example.com complaint"},
		"not spam":                {complaint("null", "not-spam"), "", ""},
		"complained before":       {complaint(`"OnAccountSuppressionList"`, ""), "bounced", "email ada@example.com bounce"},
		"delay":                   {mail("DeliveryDelay", ""), "", ""},
		"reject":                  {mail("Reject", ""), "", ""},
		"rendering failure":       {mail("Rendering Failure", ""), "", ""},
		"text delivered":          {text("TEXT_DELIVERED", true), "delivered", ""},
		"text accepted":           {text("TEXT_SUCCESSFUL", false), "", ""},
		"text accepted, no more":  {text("TEXT_SUCCESSFUL", true), "delivered", ""},
		"no such number":          {text("TEXT_INVALID", true), "bounced", "phone +14255550156 bounce"},
		"text blocked":            {text("TEXT_CARRIER_BLOCKED", true), "", ""},
		"telephone not reachable": {text("TEXT_UNREACHABLE", true), "", ""},
	} {
		kind, suppressed := "", ""
		h := hearing.Hearing{
			Installation: "table", Log: slog.New(slog.DiscardHandler),
			Record: func(_ context.Context, tenant ident.Tenant, m message.ID, k feedback.Kind) error {
				require.Equal(t, "demo", tenant.String())
				require.Equal(t, id, m)
				kind = k.String()
				return nil
			},
			Suppress: func(_ context.Context, _ ident.Tenant, m message.ID, r hearing.Refusal) error {
				require.Equal(t, id, m)
				require.Equal(t, refusedAt, r.At.UTC(), name)
				suppressed = r.Attribute + " " + r.Address + " " + r.Reason
				return nil
			},
		}
		require.NoError(t, h.Handle(t.Context(), []byte(row.event)), name)
		require.Equal(t, row.kind, kind, name)
		require.Equal(t, row.suppressed, suppressed, name)
		h.Installation = "another"
		kind, suppressed = "", ""
		require.NoError(t, h.Handle(t.Context(), []byte(row.event)), name)
		require.Empty(t, kind+suppressed, name)
	}
}

func TestHandle_FailsSoThatLambdaRepeats(t *testing.T) {
	t.Parallel()

	busy := errors.New("throttled")
	h := hearing.Hearing{
		Installation: "table", Log: slog.New(slog.DiscardHandler),
		Record: func(context.Context, ident.Tenant, message.ID, feedback.Kind) error { return busy },
	}
	require.ErrorIs(t, h.Handle(t.Context(), []byte(mail("Open", ""))), busy)
	require.Error(t, h.Handle(t.Context(), []byte(`{"hello":1}`)))
}
