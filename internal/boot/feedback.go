package boot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/boot/function"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Feedback runs the function that records what became of messages. It never returns.
func Feedback(newInvoke NewInvoke) {
	function.Run(manifest.Feedback, func(settings map[string]string) (any, error) {
		log := lambdacontext.NewLogger()
		service := journey.NewService(openStore(settings).Handlers(), time.Now, rand.Reader)
		service.Nudge = newDispatcher(settings, newInvoke).nudge(log)
		return func(context.Context, json.RawMessage) error { return nil }, nil
	})
}
