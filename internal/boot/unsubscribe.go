package boot

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/apigw"
	"journeys/internal/boot/function"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// Unsubscribe runs the function that serves the links with which customers
// unsubscribe. It never returns.
func Unsubscribe(newInvoke NewInvoke) {
	function.Run(manifest.Unsubscribe, func(settings map[string]string) (any, error) {
		log := lambdacontext.NewLogger()
		service := journey.NewService(openStore(settings).Handlers(), time.Now, rand.Reader)
		service.Nudge = newDispatcher(settings, newInvoke).nudge(log)
		return apigw.Handler(http.NotFoundHandler(), log), nil
	})
}
