package boot

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"journeys/internal/apigw"
	"journeys/internal/boot/function"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/subscription"
	"journeys/internal/unsubscribe"
)

// Unsubscribe runs the function that serves the links with which customers
// unsubscribe. It never returns.
func Unsubscribe(newInvoke NewInvoke) {
	function.Run(manifest.Unsubscribe, func(settings map[string]string) (any, error) {
		log := lambdacontext.NewLogger()
		key, err := openKey(settings)
		if err != nil {
			return nil, err
		}
		store := openStore(settings)
		service := newService(store.Handlers())
		service.Nudge = newDispatcher(settings, newInvoke).nudge(log)
		return apigw.Handler(&unsubscribe.Handler{
			Service: &unsubscribe.Service{
				Key: key, Messages: store.Messages, Addresses: store.Addresses, Topics: store.Topics, Now: time.Now,
				Subscriptions: &subscription.Service{Store: store.Topics, Journeys: service, Now: time.Now},
				Heard: func(ctx context.Context, t ident.Tenant, id message.ID) error {
					return service.Feedback(ctx, t, id, feedback.Unsubscribed)
				},
			},
			Log: log,
		}, log), nil
	})
}
