// Package dynamo stores journeys, enrollments, customers, events and figures in
// one DynamoDB table. It knows every key, item and access pattern, and is the
// only user of the table's client. It does not know which journeys are valid or
// who may do what. Every write is conditional or idempotent: when the SDK retries
// after a lost response, the write recognizes its own success.
package dynamo

import (
	"io"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/addresses"
	"journeys/internal/dynamo/figures"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/messages"
	"journeys/internal/dynamo/quota"
	"journeys/internal/dynamo/targets"
	"journeys/internal/dynamo/topics"
	"journeys/internal/dynamo/wirings"
	"journeys/internal/journey"
)

// Store is one table, with a field for each group of callers. It is safe for
// concurrent use.
type Store struct {
	Journeys    Journeys
	Enrollments Enrollments
	Customers   Customers
	Events      Events
	Engine      Engine
	Analytics   Analytics
	Names       Names
	Topics      topics.Store
	Messages    messages.Messages
	Addresses   *addresses.Store
	Wirings     wirings.Store
}

// Journeys implements journey.JourneyStore and journey.VersionStore.
type Journeys struct{ *table }

// Enrollments implements journey.EnrollmentStore.
type Enrollments struct{ *table }

// Customers implements journey.CustomerStore.
type Customers struct{ *table }

// Events implements journey.EventStore.
type Events struct{ *table }

// Engine implements engine.Table.
type Engine struct {
	*table
	targets.Targets
	messages.Messages
}

// Analytics implements analytics.Table, analytics.Parts and analytics.RollupTable.
type Analytics struct {
	*table
	figures.Figures
}

var _ analytics.RollupTable = Analytics{}

// table is what the exported types share. It is safe for concurrent use.
type table struct {
	access.Table
	figures  figures.Figures
	messages messages.Messages
}

// New returns the store in the table with this name. It reads write ids from
// entropy, which must be safe for concurrent use and must not repeat itself.
func New(client *dynamodb.Client, name string, entropy io.Reader) *Store {
	base := access.Table{Client: format.Client{Client: client, Check: item.CheckNewer}, Name: name, Entropy: entropy}
	t := &table{base, figures.Figures{Table: base}, messages.Messages{Table: base}}
	return &Store{
		Journeys{t}, Enrollments{t}, Customers{t}, Events{t}, Engine{t, targets.Targets{Table: base}, t.messages}, Analytics{t, t.figures}, Names{t},
		topics.Store{Table: base}, t.messages, &addresses.Store{Table: base}, wirings.Store{Table: base},
	}
}

// Handlers returns the parts that a journey.Service uses.
func (s *Store) Handlers() journey.Stores {
	return journey.Stores{
		Journeys: s.Journeys, Enrollments: s.Enrollments, Customers: s.Customers, Events: s.Events, Versions: s.Journeys,
		Messages: s.Messages, Feedback: s.Customers, Topics: s.Topics,
	}
}

// Quota returns the quota that bounds each tenant's enrollments a minute, at least
// journey.MaxBatch.
func (s *Store) Quota(perMinute int) journey.Quota {
	return quota.New(s.Enrollments.table.Table, item.QuotaKey, perMinute, journey.EnrollmentRateError)
}

// TestSendQuota returns the quota that bounds each tenant's test sends a minute.
func (s *Store) TestSendQuota(perMinute int) journey.Quota {
	return quota.New(s.Enrollments.table.Table, item.TestSendQuotaKey, perMinute, journey.TestSendRateError)
}
