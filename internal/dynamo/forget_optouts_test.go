package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
	"journeys/internal/consent/key"
	"journeys/internal/journey"
	"journeys/internal/suppression"
)

// Wherever Forget dies, the customer's opt-outs are those of their addresses before
// anything is erased, and a repeat finishes the rest.
func TestForget_KeepsOptOutsWhereverItDies(t *testing.T) {
	t.Parallel()
	p := newFixture(t)
	k, err := key.Parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	require.NoError(t, err)
	for calls := range 12 {
		for _, after := range []bool{false, true} {
			name, mail := fmt.Sprintf("Ada %d %t", calls, after), fmt.Sprintf("Ada.%d.%t@example.com", calls, after)
			p.journey(t, waitingGraph, name)
			_, err := p.PutCustomer(t.Context(), demo, journey.ProfileChange{Customer: name, Attributes: []byte(`{"email":"` + mail + `","phone":"+49 170 1234567"}`)}, nil)
			require.NoError(t, err)
			require.NoError(t, p.store.Topics.PutSubscriptions(t.Context(), demo, consent.Subscriptions{
				Customer: name, Rev: 1, Statements: map[string]consent.Statement{
					"news": {In: false, At: p.now}, "offers": {In: true, At: p.now},
				},
			}, 0))
			dying := storeOn(p.table, dyingAfter(calls, after))
			keep := (&suppression.Service{Store: dying.Addresses, Key: key.Fixed(k)}).KeepOptOuts
			err = dying.Customers.Forget(t.Context(), demo, name, p.now, journey.Forgetting{KeepOptOuts: keep})
			if calls < 8 {
				require.Error(t, err)
			}
			said, err := p.store.Topics.Subscriptions(t.Context(), demo, name)
			require.NoError(t, err)
			address := func() map[string]time.Time {
				a, err := p.store.Addresses.Address(t.Context(), demo, k.Address(demo, "email", mail))
				require.NoError(t, err)
				return a.OptOuts
			}
			want := map[string]time.Time{"news": p.now.UTC().Truncate(time.Millisecond)}
			_, unread := p.Customer(t.Context(), demo, name)
			if said.Statements == nil || unread != nil {
				require.Equal(t, want, address(), "erased before it was kept: %d %t", calls, after)
			}
			p.KeepOptOuts = (&suppression.Service{Store: p.store.Addresses, Key: key.Fixed(k)}).KeepOptOuts
			require.NoError(t, p.Forget(t.Context(), demo, name))
			require.Equal(t, want, address(), name)
			requireNotStored(t, p.table, name)
			requireNotStored(t, p.table, mail)
		}
	}
}
