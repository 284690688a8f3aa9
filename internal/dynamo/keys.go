package dynamo

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

// The keys of the table. <journey> is the ULID of a journey's id, without "jrn_".
// <graph> is the random name of a graph in base64url, <hash> the same in hex, and
// <key> the SHA-256 of an Idempotency-Key in hex. Tenants and ULIDs contain no
// "#", and text from a caller (customer, event type, event id) is the last part of
// a key, so that no part can imitate another.
//
//	Entity                 PK                            SK
//	journey                T#<tenant>#J                  <journey>
//	deleted journey        T#<tenant>#X                  <journey>
//	graph                  T#<tenant>#J#<journey>        G#<hash>
//	appearance             T#<tenant>#J#<journey>        W#<version>
//	text                   T#<tenant>#J#<journey>        T
//	journey count          T#<tenant>                    N
//	fence                  T#<tenant>#F#<fenceShard>     F#<period>
//	LIVE entry             LIVE                          <tenant>#<journey>
//	journey by event       T#<tenant>#EV#<eventType>     <journey>
//	kept properties        T#<tenant>#EV#<eventType>     keep
//	Idempotency-Key        T#<tenant>#I#<journey>#<key>  I
//	enrollment             T#<tenant>#C#<customer>       E#<journey>
//	earlier run            T#<tenant>#C#<customer>       R#<journey>#<run>
//	anonymized enrollment  T#<tenant>#A#<writeId>        E#<journey>
//	profile                T#<tenant>#C#<customer>       P
//	last events            T#<tenant>#C#<customer>       V#<eventType>
//	event record           T#<tenant>#C#<customer>       I#<eventId>
//	closed month           T#<tenant>#K#<journey>        C#<month>#<graph>
//	open part              T#<tenant>#K#<journey>        D#<day>#<partShard>#<graph>
//	forgotten count        T#<tenant>#K#<journey>        F
//	head                   T#<tenant>#K#<journey>        J
//	repair                 T#<tenant>#K#<journey>        R#<day>#<graph>
//	total                  T#<tenant>#K#<journey>        T#<graph>
//	audit                  AUDIT                         A
//	audit piece            AUDIT                         A#<writeId>#<number>
//
// The sort keys of a journey's figures are ordered so that one query from a month
// on reads its closed month and all later ones, the open parts, the forgotten count,
// the head, the repairs and the totals.
//
// The due index has the items that a scheduled function must visit; ds is a time
// in milliseconds. An enrollment's dp names its epoch, so that the customers who
// must leave after an archive can be read apart from later ones.
//
//	Entity                 dp                                            ds
//	active enrollment      T#<tenant>#D#<journey>#<epoch>#<dueShard>     when it is due
//	failed enrollment      T#<tenant>#F#<journey>                        when it reached its node
//	open part              FOLD#<foldShard>                              when its day may be folded
//	repair                 FOLD#<foldShard>                              when it was made
const (
	tenantPK = "T#"
	livePK   = "LIVE"
	auditPK  = "AUDIT"
	foldPK   = "FOLD#"

	fencePrefix    = "F#"
	journeyCountSK = "N"
	idempotencySK  = "I"
	profileSK      = "P"
	forgottenSK    = "F"
	textSK         = "T"
	headSK         = "J"
	auditSK        = "A"
	keepSK         = "keep"

	enrollmentPrefix = "E#"
	earlierPrefix    = "R#"
	lastEventPrefix  = "V#"
	closedPrefix     = "C#"
	partPrefix       = "D#"
	repairPrefix     = "R#"
	totalPrefix      = "T#"

	idPrefix = "jrn_"
)

// foldShards is how many partitions of the due index the figures of all journeys
// are spread over. Most parts start soon after midnight, and one partition takes
// 1,000 writes a second.
const foldShards = 4

var errFiguresKey = errors.New("dynamo: not a key of a journey's figures")

func key(pk, sk string) item {
	return item{manifest.PartitionKey: text(pk), manifest.SortKey: text(sk)}
}

// keyOf returns the key of an item.
func keyOf(it item) item {
	return item{manifest.PartitionKey: it[manifest.PartitionKey], manifest.SortKey: it[manifest.SortKey]}
}

// loggedKey returns an item's key without the parts that a caller chose.
func loggedKey(it item) string {
	r := reader{item: it}
	pk, sk := r.text(manifest.PartitionKey), r.text(manifest.SortKey)
	parts := strings.SplitN(pk, "#", 4)
	if len(parts) == 4 && parts[2] != "J" && parts[2] != "K" {
		pk = strings.Join(parts[:3], "#")
		if !isEnrollment(sk) {
			sk, _, _ = strings.Cut(sk, "#")
		}
	}
	return pk + " " + sk
}

// tenantPrefix returns the prefix of every tenant-owned key. It panics on the zero
// Tenant.
func tenantPrefix(t journey.Tenant) string {
	if t == (journey.Tenant{}) {
		panic("dynamo: a key without a tenant")
	}
	return tenantPK + t.String()
}

func ulidOf(id journey.ID) string { return strings.TrimPrefix(string(id), idPrefix) }

func journeyID(ulid string) journey.ID { return journey.ID(idPrefix + ulid) }

func journeysPK(t journey.Tenant) string { return tenantPrefix(t) + "#J" }

func journeyKey(t journey.Tenant, id journey.ID) item { return key(journeysPK(t), ulidOf(id)) }

func tombstoneKey(t journey.Tenant, id journey.ID) item { return key(tenantPrefix(t)+"#X", ulidOf(id)) }

func definitionKey(t journey.Tenant, id journey.ID, hash string) item {
	return key(journeysPK(t)+"#"+ulidOf(id), "G#"+hash)
}

func appearanceKey(t journey.Tenant, id journey.ID, version int) item {
	return key(journeysPK(t)+"#"+ulidOf(id), "W#"+strconv.Itoa(version))
}

func textKey(t journey.Tenant, id journey.ID) item { return key(journeysPK(t)+"#"+ulidOf(id), textSK) }

func journeyCountKey(t journey.Tenant) item { return key(tenantPrefix(t), journeyCountSK) }

func fenceKey(t journey.Tenant, customer string, at time.Time) item {
	pk := tenantPrefix(t) + "#F#" + strconv.Itoa(hashShard(customer, fenceShards))
	return key(pk, fencePrefix+strconv.FormatInt(at.UnixMilli()/fencePeriod.Milliseconds(), 10))
}

func liveKey(t journey.Tenant, id journey.ID) item {
	return key(livePK, t.String()+"#"+ulidOf(id))
}

func parseLiveSK(sk string) (tenant journey.Tenant, id journey.ID, ok bool) {
	name, ulid, _ := strings.Cut(sk, "#")
	tenant, ok = journey.ParseTenant(name)
	return tenant, journeyID(ulid), ok
}

func eventPK(t journey.Tenant, eventType string) string {
	return tenantPrefix(t) + "#EV#" + eventType
}

func eventKey(t journey.Tenant, eventType string, id journey.ID) item {
	return key(eventPK(t, eventType), ulidOf(id))
}

// keepKey marks that the properties of events of the type are remembered.
func keepKey(t journey.Tenant, eventType string) item { return key(eventPK(t, eventType), keepSK) }

// idempotencyKey contains a hash of the caller's key, which may name a customer.
func idempotencyKey(t journey.Tenant, id journey.ID, name string) item {
	sum := sha256.Sum256([]byte(name))
	return key(tenantPrefix(t)+"#I#"+ulidOf(id)+"#"+hex.EncodeToString(sum[:]), idempotencySK)
}

func customerPK(t journey.Tenant, customer string) string {
	return tenantPrefix(t) + "#C#" + customer
}

// customerOf returns the customer in a partition key of the tenant's.
func customerOf(t journey.Tenant, pk string) string {
	return strings.TrimPrefix(pk, customerPK(t, ""))
}

func enrollmentKey(t journey.Tenant, id journey.ID, customer string) item {
	return key(customerPK(t, customer), enrollmentPrefix+ulidOf(id))
}

func anonymizedKey(t journey.Tenant, id journey.ID, w writeID) item {
	return key(tenantPrefix(t)+"#A#"+w.String(), enrollmentPrefix+ulidOf(id))
}

func isEnrollment(sk string) bool { return strings.HasPrefix(sk, enrollmentPrefix) }

// enrollmentJourney returns the journey in an enrollment's sort key.
func enrollmentJourney(sk string) journey.ID {
	return journeyID(strings.TrimPrefix(sk, enrollmentPrefix))
}

// parseEnrollmentKey returns the tenant and the journey of an enrollment, also of
// an anonymized one.
func parseEnrollmentKey(pk, sk string) (tenant journey.Tenant, id journey.ID, ok bool) {
	parts := strings.SplitN(pk, "#", 4)
	if !isEnrollment(sk) || len(parts) < 4 || parts[0]+"#" != tenantPK || parts[2] != "C" && parts[2] != "A" {
		return journey.Tenant{}, "", false
	}
	tenant, ok = journey.ParseTenant(parts[1])
	return tenant, enrollmentJourney(sk), ok
}

// parseRunKey is parseEnrollmentKey, also for an earlier run.
func parseRunKey(pk, sk string) (tenant journey.Tenant, id journey.ID, ok bool) {
	if run, earlier := strings.CutPrefix(sk, earlierPrefix); earlier {
		ulid, _, _ := strings.Cut(run, "#")
		sk = enrollmentPrefix + ulid
	}
	return parseEnrollmentKey(pk, sk)
}

func profileKey(t journey.Tenant, customer string) item {
	return key(customerPK(t, customer), profileSK)
}

func lastEventKey(t journey.Tenant, customer, eventType string) item {
	return key(customerPK(t, customer), lastEventPrefix+eventType)
}

func eventRecordKey(t journey.Tenant, customer, eventID string) item {
	return key(customerPK(t, customer), "I#"+eventID)
}

func figuresPK(t journey.Tenant, id journey.ID) string { return tenantPrefix(t) + "#K#" + ulidOf(id) }

// parseFiguresPK returns the journey whose figures have this partition key.
func parseFiguresPK(pk string) (analytics.JourneyKey, bool) {
	name, ulid, ok := strings.Cut(strings.TrimPrefix(pk, tenantPK), "#K#")
	tenant, valid := journey.ParseTenant(name)
	return analytics.JourneyKey{Tenant: tenant, Journey: journeyID(ulid)}, ok && valid
}

// figuresRange returns the first and last sort key of a journey's figures from a
// month on, or without closed months if month is "".
func figuresRange(month string) (first, last string) {
	first, last = partPrefix, totalPrefix[:1]+"~"
	if month != "" {
		first = closedPrefix + month
	}
	return first, last
}

func forgottenKey(t journey.Tenant, id journey.ID) item { return key(figuresPK(t, id), forgottenSK) }

func headKey(t journey.Tenant, id journey.ID) item { return key(figuresPK(t, id), headSK) }

func partKey(k analytics.PartKey) (item, error) {
	graph, err := graphText(k.Graph)
	if err != nil {
		return nil, err
	}
	return key(figuresPK(k.Tenant, k.Journey), fmt.Sprintf("%s%s#%d#%s", partPrefix, k.Day, k.Shard, graph)), nil
}

func parsePartKey(t journey.Tenant, pk, sk string) (analytics.PartKey, error) {
	ulid, ok := strings.CutPrefix(pk, figuresPK(t, ""))
	parts := strings.Split(sk, "#")
	if !ok || len(parts) != 4 || parts[0]+"#" != partPrefix {
		return analytics.PartKey{}, errFiguresKey
	}
	partShard, errShard := strconv.Atoi(parts[2])
	graph, errGraph := graphHash(parts[3])
	return analytics.PartKey{
		Tenant: t, Journey: journeyID(ulid), Day: analytics.Day(parts[1]), Shard: partShard, Graph: graph,
	}, errors.Join(errShard, errGraph)
}

// totalKey, closedKey and repairKey take a graph in the form of graphText.
func totalKey(k analytics.JourneyKey, graph string) item {
	return key(figuresPK(k.Tenant, k.Journey), totalPrefix+graph)
}

func closedKey(k analytics.JourneyKey, month, graph string) item {
	return key(figuresPK(k.Tenant, k.Journey), closedPrefix+month+"#"+graph)
}

func repairKey(k analytics.JourneyKey, day analytics.Day, graph string) item {
	return key(figuresPK(k.Tenant, k.Journey), repairPrefix+string(day)+"#"+graph)
}

// parseFiguresSK returns the period, "" for none, and the graph's hash in the sort
// key of a closed month, a repair or a total.
func parseFiguresSK(sk string) (period, hash string, err error) {
	parts := strings.Split(sk, "#")
	if len(parts) > 2 {
		period = parts[1]
	}
	if hash, err = graphHash(parts[len(parts)-1]); err != nil {
		return "", "", fmt.Errorf("dynamo: figures without a graph: %w", err)
	}
	return period, hash, nil
}

// graphText returns a graph's name in base64url: 22 characters instead of 32.
func graphText(hash string) (string, error) {
	b, err := hex.DecodeString(hash)
	if err != nil {
		return "", fmt.Errorf("dynamo: graph hash: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// graphHash is the inverse of graphText.
func graphHash(text string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return hex.EncodeToString(b), err
}

func auditKey() item { return key(auditPK, auditSK) }

func auditPieceKey(written []byte, number int) item {
	return key(auditPK, fmt.Sprintf("%s#%s#%d", auditSK, hex.EncodeToString(written), number))
}

func duePK(p journey.Partition) string {
	if p.Failed {
		return tenantPrefix(p.Tenant) + "#F#" + ulidOf(p.Journey)
	}
	return tenantPrefix(p.Tenant) + "#D#" + ulidOf(p.Journey) + "#" + strconv.Itoa(p.Epoch) + "#" + strconv.Itoa(p.Shard)
}

// parseDueShard returns the dueShard in a partition key of the due index.
func parseDueShard(pk string) (int, error) {
	n, err := strconv.Atoi(pk[strings.LastIndexByte(pk, '#')+1:])
	if err != nil {
		return 0, fmt.Errorf("dynamo: no shard in %q", pk)
	}
	return n, nil
}

func foldShardPK(foldShard int) string { return foldPK + strconv.Itoa(foldShard) }

// dueShard returns the shard of a customer in a journey's part of the due index.
func dueShard(customer string, shards int) int { return hashShard(customer, shards) }

// foldShard returns the shard of a journey's figures in the due index.
func foldShard(id journey.ID) int { return hashShard(string(id), foldShards) }

func hashShard(name string, shards int) int {
	sum := fnv.New64a()
	sum.Write([]byte(name))
	return int(sum.Sum64() % uint64(max(shards, 1)))
}
