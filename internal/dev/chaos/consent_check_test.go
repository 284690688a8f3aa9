package chaos

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dev/dynamotest"
	"journeys/internal/dev/journeytest"
	"journeys/internal/dev/local"
	"journeys/internal/dynamo/item"
	"journeys/internal/engine"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/progress"
	"journeys/internal/provider"
	"journeys/internal/trail"
)

// claim is the first or a further claim of a message.
type claim struct {
	customer  string
	journey   ident.ID
	run, node int
	at        time.Time // by the worker's clock, right after it read what the customer and the address take
}

// requireAll checks everything that the tenant was promised.
func (c *consenting) requireAll(t *testing.T, written *stream) {
	t.Helper()
	claims := written.claims(t, c.tenant)
	c.requireConsent(t, claims)
	c.requireRecords(t, claims)
	c.requireFeedback(t)
	c.requireForgotten(t)
}

// String returns what happened to the tenant's messages.
func (c *consenting) String() string {
	return fmt.Sprintf("%d customers, %d messages, %s", len(c.people), len(c.received), list(c.kinds))
}

// claims returns the claims that were written of a tenant's messages, by the message.
func (s *stream) claims(t *testing.T, tenant ident.Tenant) map[message.ID][]claim {
	t.Helper()
	all, last := map[message.ID][]claim{}, map[string]leased{}
	s.each(t, func(image map[string]streamtypes.AttributeValue) {
		pk, sk := textOf(image[manifest.PartitionKey]), textOf(image[manifest.SortKey])
		customer, ok := strings.CutPrefix(pk, item.CustomerPK(tenant, ""))
		if !ok || !item.IsEnrollment(sk) {
			return
		}
		before := last[pk+sk]
		now := leased{numberOf(t, image["run"]), numberOf(t, image["nd"]), numberOf(t, image["at"]), numberOf(t, image["lu"])}
		last[pk+sk] = now
		if !now.claims(before, numberOf(t, image["t"])) {
			return
		}
		next := claim{
			customer: customer, journey: item.EnrollmentJourney(sk), run: int(now.run), node: int(now.node),
			at: time.UnixMilli(now.until).Add(-leaseOfClaim),
		}
		id := message.NewID(tenant, next.journey, customer, next.run, next.node, ident.RequestID(bytesOf(image["rid"])))
		all[id] = append(all[id], next)
	})
	return all
}

// leased is what a revision says of a lease.
type leased struct{ run, node, attempts, until int64 }

// leaseOfClaim is how long a claim lasts.
const leaseOfClaim = min(provider.SendTimeout+engine.LeaseMargin, engine.MaxLease)

// claims reports whether a revision of a time claims a message. One that does not has the end
// of a lease too, if an attempt is in doubt: then it counts no attempt, and follows a claim.
func (l leased) claims(before leased, writtenAt int64) bool {
	next := l.run != before.run || l.node != before.node || l.attempts > before.attempts || before.until == 0
	return next && l.until-writtenAt >= leaseOfClaim.Milliseconds()
}

func textOf(v streamtypes.AttributeValue) string {
	if s, ok := v.(*streamtypes.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// enrollments returns the enrollments of customers who were not forgotten, by customer.
func (c *consenting) enrollments(t *testing.T, cohort *cohort) map[string]progress.Enrollment {
	t.Helper()
	var customers []string
	for _, customer := range cohort.customers {
		if c.at(c.people[customer]).IsZero() {
			customers = append(customers, customer)
		}
	}
	loaded, err := c.store.Engine.Load(t.Context(), c.tenant, cohort.id, customers)
	require.NoError(t, err)
	found := map[string]progress.Enrollment{}
	for _, e := range loaded.Enrollments {
		found[e.Customer] = e
	}
	return found
}

// requireConsent checks each claim and each message that was not sent.
//
// A message is not claimed if its customer certainly did not take the topic, or their
// address no messages at all, for engine.LiveFor before the claim: each such statement was
// answered by then, and no contrary one, that could have taken effect after it, was called
// before the claim. All times are of this machine's clock; a claim's is rounded down.
//
// A message is not passed over if its customer certainly took the topic, or their address
// messages, from when they came to it until they left it.
func (c *consenting) requireConsent(t *testing.T, claims map[message.ID][]claim) {
	t.Helper()
	g := journeytest.Definition(t, letters).Graph
	for _, all := range claims {
		for _, claim := range all {
			c.requireWanted(t, g, claim)
		}
	}
	for _, cohort := range c.cohorts {
		found := c.enrollments(t, cohort)
		for customer, e := range found {
			require.True(t, e.ReachedExit() || e.ExitReason == leftTopic, "%s left as %s by %q", customer, e.Status, e.ExitReason)
			c.requireRun(t, g, cohort, e)
		}
	}
}

func (c *consenting) requireWanted(t *testing.T, g *progress.Graph, claim claim) {
	t.Helper()
	s, topic, from := c.people[claim.customer], g.Action(claim.node).Topic, claim.at.Add(-engine.LiveFor)
	what := fmt.Sprintf("%s to %s was claimed at %s", g.NodeID(claim.node), claim.customer, instant(claim.at))
	if topic != "" {
		require.False(t, s.of(topic).holds(false, from, claim.at), "%s, but they are not subscribed: %s", what, s.of(topic))
	}
	require.False(t, s.of("").holds(false, from, claim.at), "%s, but their address is suppressed: %s", what, s.of(""))
}

// requireRun checks the messages, the wait and the condition on the path of a run.
func (c *consenting) requireRun(t *testing.T, g *progress.Graph, cohort *cohort, e progress.Enrollment) {
	t.Helper()
	s, visits := c.people[e.Customer], e.Path.Visits(e.EnrolledAt)
	first := c.feedback[message.NewID(c.tenant, cohort.id, e.Customer, e.Run, firstLetter, e.RequestID).String()]
	if first == nil {
		first = &heard{}
	}
	before := false // the click was stored before the customer came to the wait
	for i, v := range visits {
		left, n := e.LeftVisit(visits, i), g.Node(v.Node)
		switch result := v.Result.Name(n.Ways); {
		case v.Result == trail.SkippedUnsubscribed:
			c.kinds[notSubscribed]++
			require.False(t, s.of(n.Action.Topic).holds(true, v.EnteredAt, left.Add(time.Millisecond)), "%s was not sent to %s, who is subscribed: %v", n.ID, e.Customer, s.of(n.Action.Topic))
		case v.Result == trail.SkippedSuppressed:
			c.kinds[notTaken]++
			require.False(t, s.of("").holds(true, v.EnteredAt, left.Add(time.Millisecond)), "%s was not sent to %s, whose address is not suppressed: %v", n.ID, e.Customer, s.of(""))
		case n.ID == "c0":
			before = !first.stored.IsZero() && first.stored.Before(v.EnteredAt)
			if result == "click" {
				c.kinds[byClick]++
				require.False(t, first.clicked.IsZero() || first.clicked.After(left.Add(time.Millisecond)), "%s left the wait by a click that was not reported", e.Customer)
			}
			require.False(t, before && result != "click", "%s left the wait as %s, but had clicked before it", e.Customer, result)
			before = before || result == "click"
		case n.ID == "s0":
			if result == "true" {
				c.kinds[ifClicked]++
				require.False(t, first.clicked.IsZero() || first.clicked.After(left.Add(time.Millisecond)), "%s has no click that was reported", e.Customer)
			}
			require.False(t, before && result != "true", "the condition of %s does not know a click that was stored before", e.Customer)
		}
	}
	if cohort != c.cohorts[toLeave] {
		return
	}
	c.requireLeftTopic(t, cohort, e)
}

// requireLeftTopic checks that a run ended by its customer's unsubscribing if, and only if,
// they did. One who unsubscribes certainly does so if they certainly were subscribed.
func (c *consenting) requireLeftTopic(t *testing.T, cohort *cohort, e progress.Enrollment) {
	t.Helper()
	said, possible := c.people[e.Customer].said[news].list, false
	for i, out := range said {
		possible = possible || !out.in && !out.called.After(e.LeftAt.Add(time.Millisecond))
		if out.in || out.answered.IsZero() || out.called.Before(e.EnrolledAt) {
			continue
		}
		if before := (&statements{list: said[:i]}); before.holds(true, out.called, out.called) {
			requireStopped(t, cohort, e, out.answered.Add(longestCall))
		}
	}
	if e.ExitReason == leftTopic {
		c.kinds[exitsByUnsubscribing]++
		require.True(t, possible, "%s left when they unsubscribed, but did not: %v", e.Customer, said)
	}
}

// requireRecords checks that a record stands for each message that was sent or claimed, and
// that it names the run if its customer was not forgotten.
func (c *consenting) requireRecords(t *testing.T, claims map[message.ID][]claim) {
	t.Helper()
	g := journeytest.Definition(t, letters).Graph
	for _, l := range c.received {
		id := parseID(t, l.MessageID)
		require.NotEmpty(t, claims[id], "%s to %s was sent without a claim", l.NodeID, l.CustomerID)
		c.requireRecord(t, g, id, claims[id][0])
	}
	for _, cohort := range c.cohorts {
		for customer, e := range c.enrollments(t, cohort) {
			for _, v := range e.Path.Visits(e.EnrolledAt) {
				if g.NodeType(v.Node) == graph.ChannelAction && v.Result == trail.Sent {
					c.requireRecord(t, g, message.NewID(c.tenant, cohort.id, customer, e.Run, v.Node, e.RequestID),
						claim{customer: customer, journey: cohort.id, run: e.Run, node: v.Node})
				}
			}
		}
	}
}

func (c *consenting) requireRecord(t *testing.T, g *progress.Graph, id message.ID, of claim) {
	t.Helper()
	record, err := c.store.Messages.Message(t.Context(), c.tenant, id, time.Now())
	require.NoError(t, err, "the record of %s to %s", g.NodeID(of.node), of.customer)
	topic := g.Action(of.node).Topic
	require.Equal(t, topic, record.Topic)
	require.Equal(t, topic != "", record.Address != "")
	if c.people[of.customer].forgotten.IsZero() {
		require.Equal(t, of, claim{customer: record.Customer, journey: record.Journey, run: record.Run, node: record.Node, at: of.at})
	} else {
		require.Equal(t, message.Record{
			ID: record.ID, Channel: record.Channel, Named: record.Named, Topic: topic, Address: record.Address, ExpiresAt: record.ExpiresAt,
		}, record, "the customer was forgotten")
	}
}

// requireForgotten checks that nothing in the table names a customer who was forgotten.
func (c *consenting) requireForgotten(t *testing.T) {
	t.Helper()
	var gone []string
	for customer, s := range c.people {
		if !s.forgotten.IsZero() {
			gone = append(gone, customer)
		}
	}
	require.NotEmpty(t, gone)
	pages := dynamodb.NewScanPaginator(c.machine.DynamoDB.Client(), &dynamodb.ScanInput{TableName: aws.String(local.Table), ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, it := range page.Items {
			text := dynamotest.Text(it)
			for _, customer := range gone {
				require.NotContains(t, text, customer, "the customer was forgotten")
			}
		}
	}
}
