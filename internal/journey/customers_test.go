package journey_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
)

// profiles keeps profiles in memory. It refuses a customer's first puts that refusals
// counts, and fails those of customers in failures.
type profiles struct {
	journey.CustomerStore
	mu       sync.Mutex
	stored   map[string]journey.Profile
	refusals map[string]int
	failures map[string]error
	puts     int

	forgotten journey.Forgotten // nil for no one
}

func (*profiles) Enrollments(context.Context, ident.Tenant, string) ([]progress.Enrollment, []journey.Damage, error) {
	return nil, nil, nil
}

func (p *profiles) ProfileToChange(
	ctx context.Context, t ident.Tenant, customer string, now time.Time,
) (journey.Profile, journey.Forgotten, error) {
	forgotten, _ := p.Forgotten(ctx, t, customer, now)
	stored, err := p.Profile(ctx, t, customer)
	return stored, forgotten, err
}

func (p *profiles) Forgotten(context.Context, ident.Tenant, string, time.Time) (journey.Forgotten, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.forgotten == nil {
		return func(string) time.Time { return time.Time{} }, nil
	}
	return p.forgotten, nil
}

func (p *profiles) Profile(_ context.Context, _ ident.Tenant, customer string) (journey.Profile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stored, ok := p.stored[customer]; ok {
		return stored, nil
	}
	return journey.Profile{}, journey.ErrNoCustomer
}

func (p *profiles) PutProfile(_ context.Context, _ ident.Tenant, next journey.Profile, rev int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.puts++
	if err := p.failures[next.Customer]; err != nil {
		return err
	}
	if p.refusals[next.Customer] > 0 {
		p.refusals[next.Customer]--
		return journey.ErrLost
	}
	if p.stored[next.Customer].Rev != rev {
		return journey.ErrLost
	}
	p.stored[next.Customer] = next
	return nil
}

func profileService(attributes string) (*journey.Service, *profiles) {
	p := &profiles{stored: map[string]journey.Profile{}, refusals: map[string]int{}, failures: map[string]error{}}
	if attributes != "" {
		p.stored["c"] = journey.Profile{Customer: "c", Attributes: []byte(attributes), Rev: 7, UpdatedAt: t0}
	}
	return journey.NewService(journey.Stores{Customers: p}, func() time.Time { return t0 }, bytes.NewReader(nil)), p
}

func change(attributes string) journey.ProfileChange {
	return journey.ProfileChange{Customer: "c", Attributes: []byte(attributes)}
}

// mergepatch has the examples of the RFC.
func TestPatchCustomer_MergesLikeRFC7396(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ stored, patch, want string }{
		{``, `{"a":{"b":null,"c":1},"d":null}`, `{"a":{"c":1}}`},
		{`{"a":{"b":1,"c":{"d":2}}}`, `{"a":{"c":{"e":3}}}`, `{"a":{"b":1,"c":{"d":2,"e":3}}}`},
	} {
		service, _ := profileService(row.stored)
		p, err := service.PatchCustomer(t.Context(), ident.Tenant{}, change(row.patch), nil)
		require.NoError(t, err)
		require.Equal(t, row.want, string(p.Attributes), "%s and %s", row.stored, row.patch)
	}
}

func TestPatchCustomer_HoldsTheLimitOfAttributes(t *testing.T) {
	t.Parallel()

	half := strings.Repeat("x", progress.MaxAttributes/2)
	service, store := profileService(`{"a":"` + half + `"}`)
	room := progress.MaxAttributes - len(`{"a":"","b":""}`) - len(half)
	_, err := service.PatchCustomer(t.Context(), ident.Tenant{}, change(`{"b":"`+strings.Repeat("y", room+1)+`"}`), nil)
	var refused *journey.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "attributes-too-large", refused.Code)
	require.Equal(t, "/attributes", refused.Faults[0].Pointer)
	require.Zero(t, store.puts)
	p, err := service.PatchCustomer(t.Context(), ident.Tenant{}, change(`{"b":"`+strings.Repeat("y", room)+`"}`), nil)
	require.NoError(t, err)
	require.Len(t, p.Attributes, progress.MaxAttributes)
	_, err = service.PatchCustomer(t.Context(), ident.Tenant{}, change(`{"a":null,"c":"`+half[:room]+`"}`), nil)
	require.NoError(t, err, "null makes room")
}

func TestPatchCustomer_TakesLinearTimeInTheDepth(t *testing.T) {
	t.Parallel()

	deep := func(leaf string) string { return strings.Repeat(`{"a":`, 9000) + leaf + strings.Repeat(`}`, 9000) }
	service, _ := profileService(deep(`{"x":1}`))
	began := time.Now()
	p, err := service.PatchCustomer(t.Context(), ident.Tenant{}, change(deep(`{"y":2}`)), nil)
	require.NoError(t, err)
	require.Equal(t, deep(`{"x":1,"y":2}`), string(p.Attributes))
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestPutCustomer_ObeysAsOf(t *testing.T) {
	t.Parallel()

	service, store := profileService("")
	put := func(attributes string, asOf time.Time) journey.Profile {
		c := change(attributes)
		c.AsOf = asOf
		p, err := service.PutCustomer(t.Context(), ident.Tenant{}, c, nil)
		require.NoError(t, err)
		return p
	}
	first := put(`{"n":1}`, t0)
	second := put(`{"n":2}`, t0.Add(time.Second))
	require.Equal(t, first.Rev+1, second.Rev)
	require.Equal(t, second, put(`{"n":1}`, t0), "a late duplicate")
	require.Equal(t, second, put(`{"n":2}`, t0.Add(time.Second)), "a repeat has no effect")
	require.Equal(t, 2, store.puts)
	same := put(`{"n":3}`, t0.Add(time.Second))
	require.JSONEq(t, `{"n":3}`, string(same.Attributes), "of the same time, the last one wins")
	now := put(`{"n":4}`, time.Time{})
	require.JSONEq(t, `{"n":4}`, string(now.Attributes))
	require.Equal(t, t0.Add(time.Second), now.AsOf, "a write without asOf keeps the stored one")
	require.Equal(t, now, put(`{"n":1}`, t0))
	later := put(`{"n":4}`, t0.Add(time.Minute))
	require.Equal(t, t0.Add(time.Minute), later.AsOf, "a later asOf alone is stored")
}

func TestPutCustomer_HonorsThePrecondition(t *testing.T) {
	t.Parallel()

	service, store := profileService(`{"n":1}`)
	put := func(match *journey.Precondition, customer string) error {
		c := change(`{"n":2}`)
		c.Customer = customer
		_, err := service.PutCustomer(t.Context(), ident.Tenant{}, c, match)
		return err
	}
	existing := &journey.Precondition{Any: true}
	require.ErrorIs(t, put(&journey.Precondition{Revs: []int64{6, 8}}, "c"), journey.ErrStaleCustomer)
	require.ErrorIs(t, put(&journey.Precondition{}, "c"), journey.ErrStaleCustomer)
	require.ErrorIs(t, put(existing, "other"), journey.ErrStaleCustomer, "* requires a profile")
	require.ErrorIs(t, put(&journey.Precondition{Revs: []int64{0}}, "other"), journey.ErrStaleCustomer)
	require.Zero(t, store.puts)
	store.refusals["c"] = 3
	require.NoError(t, put(existing, "c"), "* retries like no precondition")
	require.ErrorIs(t, put(&journey.Precondition{Revs: []int64{7}}, "c"), journey.ErrStaleCustomer)
	require.NoError(t, put(&journey.Precondition{Revs: []int64{8}}, "c"))
}

// A revision that a caller holds of a deleted profile must not match the next one.
func TestPutCustomer_NeverRepeatsARevision(t *testing.T) {
	t.Parallel()

	service, store := profileService("")
	first, err := service.PutCustomer(t.Context(), ident.Tenant{}, change(`{}`), nil)
	require.NoError(t, err)
	require.Equal(t, t0.UnixMilli(), first.Rev)
	store.stored["c"] = journey.Profile{Customer: "c", Attributes: []byte(`{}`)}
	old, err := service.PutCustomer(t.Context(), ident.Tenant{}, change(`{"n":1}`), nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, old.Rev, "a profile without a revision has revision 0")
}

func TestPutCustomer_GivesUpAfterFortyAttempts(t *testing.T) {
	t.Parallel()

	service, store := profileService(`{"n":1}`)
	store.refusals["c"] = 100
	_, err := service.PutCustomer(t.Context(), ident.Tenant{}, change(`{"n":2}`), nil)
	var busy *journey.Error
	require.ErrorAs(t, err, &busy)
	require.Equal(t, "customer-busy", busy.Code)
	require.Equal(t, 40, store.puts)
}

func TestMergeCustomers_KeepsTheOrderOfACustomer(t *testing.T) {
	t.Parallel()

	service, store := profileService("")
	var list []journey.ProfileChange
	for i := range 200 {
		for c := range 5 {
			list = append(list, journey.ProfileChange{
				Customer: fmt.Sprint("c", c), Attributes: fmt.Appendf(nil, `{"last":%d,"f%d":1}`, i, i),
			})
		}
	}
	for _, o := range service.MergeCustomers(t.Context(), ident.Tenant{}, list) {
		require.Equal(t, journey.ProfileOutcome{}, o)
	}
	for c := range 5 {
		attributes := string(store.stored[fmt.Sprint("c", c)].Attributes)
		require.True(t, strings.HasPrefix(attributes, `{"last":199,"f0":1,"f1":1,"f2":1,`), attributes)
		require.Equal(t, 200, strings.Count(attributes, `"f`))
	}
}

func TestMergeCustomers_ReportsEachOutcome(t *testing.T) {
	t.Parallel()

	service, store := profileService(`{"n":1}`)
	p := store.stored["c"]
	p.AsOf = t0
	store.stored["c"] = p
	store.failures["busy"] = &journey.Error{Kind: journey.Unavailable, Code: "table-throttled"}
	store.failures["broken"] = fmt.Errorf("broken: %w", journey.ErrDamaged)
	large := []byte(`{"x":"` + strings.Repeat("x", progress.MaxAttributes-8) + `"}`)
	outcomes := service.MergeCustomers(t.Context(), ident.Tenant{}, []journey.ProfileChange{
		{Customer: "c", Attributes: []byte(`{"n":2}`), AsOf: t0.Add(-time.Second)},
		{Customer: "c", Attributes: large},
		{Customer: "busy", Attributes: []byte(`{"n":1}`)},
		{Customer: "c", Attributes: []byte(`{"n":3}`)},
		{Customer: "busy", Attributes: []byte(`{"n":2}`)},
		{Customer: "broken", Attributes: []byte(`{"n":2}`)},
	})
	var codes []string
	for i, o := range outcomes {
		codes = append(codes, journey.Code(o.Err))
		require.Equal(t, i == 0, o.Older)
	}
	require.Equal(t, []string{"", "attributes-too-large", "table-throttled", "", "table-throttled", "internal-error"}, codes)
	require.JSONEq(t, `{"n":3}`, string(store.stored["c"].Attributes), "goes on after a change that can never succeed")
	require.Equal(t, 3, store.puts, "a change is not made after one that may be repeated")
}
