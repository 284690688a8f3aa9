package boot

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/boot/function"
	"journeys/internal/consent"
	"journeys/internal/hearing"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/suppression"
	"journeys/internal/wiring"
)

// Feedback runs the function that records what became of messages. It never returns.
func Feedback(newInvoke NewInvoke) {
	function.Run(manifest.Feedback, func(settings map[string]string) (any, error) {
		log := lambdacontext.NewLogger()
		key, err := openKey(settings)
		if err != nil {
			return nil, err
		}
		store := openStore(settings)
		service := newService(store.Handlers())
		service.Nudge = newDispatcher(settings, newInvoke).nudge(log)
		notes := &wiring.Notes{Write: store.Wirings.Heard, Now: time.Now, Log: log}
		service.Heard = notes.Note
		suppressions := &suppression.Service{Store: store.Addresses, Key: key, Now: time.Now}
		h := &hearing.Hearing{
			Installation: settings[manifest.EnvTable], Log: log, Record: service.Feedback,
			Suppress: func(ctx context.Context, t ident.Tenant, id message.ID, r hearing.Refusal) error {
				m, err := store.Messages.Message(ctx, t, id, time.Now())
				if errors.Is(err, journey.ErrNoMessage) {
					return nil
				}
				if err != nil {
					return err
				}
				return suppressions.Report(ctx, t, m.Channel, r.Attribute, r.Address, consent.Suppression{Reason: r.Reason, At: r.At})
			},
		}
		return func(ctx context.Context, raw json.RawMessage) error { return h.Handle(ctx, raw) }, nil
	})
}
