package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"strconv"
	"strings"

	"journeys/internal/journey"
)

// Every key of the table. <journey> is the ULID of the journey's id, without
// "jrn_". A tenant and a ULID hold no "#", and what a caller names (customer,
// event type, Idempotency-Key) stands last, so no part can imitate another.
//
//	Entity           PK                          SK
//	journey          T#<tenant>#J                <journey>
//	journey, deleted T#<tenant>#X                <journey>
//	definition       T#<tenant>#J#<journey>      G#<sha256, hex>
//	count of journeys T#<tenant>                 N
//	what tick visits LIVE                        <tenant>#<journey>
//	started by event T#<tenant>#EV#<eventType>   <journey>
//	Idempotency-Key  T#<tenant>#I#<journey>#<sha256 of key, hex> I
//	enrollment       T#<tenant>#C#<customer>     E#<journey>
//	profile          T#<tenant>#C#<customer>     P
//	last event       T#<tenant>#C#<customer>     V#<eventType>
//	caller's eventId T#<tenant>#C#<customer>     I#<eventId>
//	nameless one     T#<tenant>#A#<random>       E#<journey>
//	figures, closed  T#<tenant>#K#<journey>      C#<month>#<graph>
//	figures, open    T#<tenant>#K#<journey>      D#<day>#<shard>#<graph>
//	journey's head   T#<tenant>#K#<journey>      J
//	figures, repair  T#<tenant>#K#<journey>      R#<day>#<graph>
//	figures, all     T#<tenant>#K#<journey>      T#<graph>
//	audit            AUDIT                       A, <audit>#<segment>
//
// A journey's figures sort so that one Query from a month on reads every closed
// month and open day since, what the journey and its nodes are called, and the
// totals. <graph> is the hash in base64url.
//
// The due index has every enrollment that is to be touched at some time. Its
// key names the epoch, so that who must leave after an archiving is a query
// beside those who enrolled since.
//
//	Entity           dp                                     ds
//	enrollment       T#<tenant>#D#<journey>#<epoch>#<shard> due, in milliseconds
//	failed one       T#<tenant>#F#<journey>                 at its node since, in milliseconds
//	figures, open    FOLD#<fold shard>                      when the day may be folded, in milliseconds
const (
	livePK        = "LIVE"
	foldPK        = "FOLD#"
	counterSK     = "N"
	idempotencySK = "I"
)

// of begins every key that belongs to a tenant. Nobody's key cannot be built.
func of(t journey.Tenant) string {
	if t == (journey.Tenant{}) {
		panic("dynamo: a key without a tenant")
	}
	return "T#" + t.String()
}

func short(id journey.ID) string { return strings.TrimPrefix(string(id), idPrefix) }

func long(id string) journey.ID { return journey.ID(idPrefix + id) }

const idPrefix = "jrn_"

func journeyKey(t journey.Tenant, id journey.ID) item { return key(of(t)+"#J", short(id)) }

func tombstoneKey(t journey.Tenant, id journey.ID) item { return key(of(t)+"#X", short(id)) }

func definitionKey(t journey.Tenant, id journey.ID, hash string) item {
	return key(of(t)+"#J#"+short(id), "G#"+hash)
}

func counterKey(t journey.Tenant) item { return key(of(t), counterSK) }

func liveKey(t journey.Tenant, id journey.ID) item {
	return key(livePK, t.String()+"#"+short(id))
}

func eventKey(t journey.Tenant, eventType string, id journey.ID) item {
	return key(of(t)+"#EV#"+eventType, short(id))
}

// idempotencyKey holds a hash of the caller's key, which may name a customer.
func idempotencyKey(t journey.Tenant, id journey.ID, name string) item {
	sum := sha256.Sum256([]byte(name))
	return key(of(t)+"#I#"+short(id)+"#"+hex.EncodeToString(sum[:]), idempotencySK)
}

func customerPK(t journey.Tenant) string { return of(t) + "#C#" }

func enrollmentKey(t journey.Tenant, id journey.ID, customer string) item {
	return key(customerPK(t)+customer, "E#"+short(id))
}

func profileKey(t journey.Tenant, customer string) item { return key(customerPK(t)+customer, "P") }

func lastEventKey(t journey.Tenant, customer, eventType string) item {
	return key(customerPK(t)+customer, "V#"+eventType)
}

func eventRecordKey(t journey.Tenant, customer, eventID string) item {
	return key(customerPK(t)+customer, "I#"+eventID)
}

func duePartition(p journey.Partition) string {
	if p.Failed {
		return of(p.Tenant) + "#F#" + short(p.Journey)
	}
	return of(p.Tenant) + "#D#" + short(p.Journey) + "#" + strconv.Itoa(p.Epoch) + "#" + strconv.Itoa(p.Shard)
}

// foldShards spreads the open parts of all journeys' figures, most of which
// begin soon after midnight: one partition takes 1,000 writes a second.
const foldShards = 4

func foldPartition(id journey.ID) string { return foldPK + strconv.Itoa(shard(string(id), foldShards)) }

// shard spreads a journey's customers over its part of the due index.
func shard(customer string, shards int) int {
	sum := fnv.New64a()
	sum.Write([]byte(customer))
	return int(sum.Sum64() % uint64(max(shards, 1)))
}
