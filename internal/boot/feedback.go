package boot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/boot/function"
	"journeys/internal/hearing"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Feedback runs the function that records what became of messages. It never returns.
func Feedback(newInvoke NewInvoke) {
	function.Run(manifest.Feedback, func(settings map[string]string) (any, error) {
		log := lambdacontext.NewLogger()
		service := journey.NewService(openStore(settings).Handlers(), time.Now, rand.Reader)
		service.Nudge = newDispatcher(settings, newInvoke).nudge(log)
		h := &hearing.Hearing{Installation: settings[manifest.EnvTable], Log: log, Record: service.Feedback}
		return func(ctx context.Context, raw json.RawMessage) error { return h.Handle(ctx, raw) }, nil
	})
}
