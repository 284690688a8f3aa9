package item

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"journeys/internal/analytics"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/manifest"
	"journeys/internal/message"
)

// The keys of the table. <journey> is the ULID of a journey's id, without "jrn_".
// <graph> is the random name of a graph in base64url, <hash> the same in hex,
// <request> the id of the request that started a run in base64url, and <key> the
// SHA-256 of an Idempotency-Key in hex. <address> is the keyed hash of an address in hex,
// see key.Key, and the <id> of a message is in base64url. Tenants and ULIDs contain no "#", and text
// from a caller (customer, event type, event id) is the last part of a key, so that no
// part can imitate another.
//
//	Entity                 PK                            SK
//	journey                T#<tenant>#J                  <journey>
//	deleted journey        T#<tenant>#X                  <journey>
//	graph                  T#<tenant>#J#<journey>        G#<hash>
//	appearance             T#<tenant>#J#<journey>        W#<version>
//	text                   T#<tenant>#J#<journey>        T
//	version                T#<tenant>#J#<journey>        V#<version9>
//	history entry          T#<tenant>#J#<journey>        H#<revision19>
//	draft                  T#<tenant>#J#<journey>        D
//	journey count          T#<tenant>                    N
//	names                  T#<tenant>                    NAMES
//	tenant settings        T#<tenant>                    S
//	enrollment quota       T#<tenant>#Q                  <minute>
//	fence                  T#<tenant>#F#<fenceShard>     F#<period>
//	LIVE entry             LIVE                          <tenant>#<journey>
//	targets                TARGETS                       T
//	line of a target       RATE                          <target>
//	cost of a tenant       COSTS                         <tenant>
//	wiring of a channel    HEARD                         <channel>
//	journey by event       T#<tenant>#EV#<eventType>     <journey>
//	kept properties        T#<tenant>#EV#<eventType>     keep
//	Idempotency-Key        T#<tenant>#I#<journey>#<key>  I
//	key of a creation      T#<tenant>#I#create#<key>     I
//	enrollment             T#<tenant>#C#<customer>       E#<journey>
//	kept item              T#<tenant>#C#<customer>       K#<journey>#<request>
//	earlier run            T#<tenant>#C#<customer>       R#<journey>#<run>
//	feedback of a step     T#<tenant>#C#<customer>       B#<journey>#<run>#<node>
//	anonymized enrollment  T#<tenant>#A#<writeId>        E#<journey>
//	anonymized feedback    T#<tenant>#A#<writeId>        B#<journey>
//	profile                T#<tenant>#C#<customer>       P
//	subscriptions          T#<tenant>#C#<customer>       U
//	address                T#<tenant>#M#<address>        M
//	last events            T#<tenant>#C#<customer>       V#<eventType>
//	event record           T#<tenant>#C#<customer>       I#<eventId>
//	message                T#<tenant>#N#<id>             N
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
	tenantPK  = "T#"
	LivePK    = "LIVE"
	TargetsPK = "TARGETS"
	RatePK    = "RATE"
	CostsPK   = "COSTS"
	WiringPK  = "HEARD"
	auditPK   = "AUDIT"
	foldPK    = "FOLD#"

	fencePrefix    = "F#"
	journeyCountSK = "N"
	idempotencySK  = "I"
	profileSK      = "P"
	ForgottenSK    = "F"
	textSK         = "T"
	HeadSK         = "J"
	auditSK        = "A"
	targetsSK      = "T"
	KeepSK         = "keep"
	messageSK      = "N"

	EnrollmentPrefix = "E#"
	keptPrefix       = "K#"
	EarlierPrefix    = "R#" // of an earlier run
	HeardPrefix      = "B#" // of feedback
	LastEventPrefix  = "V#"
	DefinitionPrefix = "G#"
	appearancePrefix = "W#"
	VersionPrefix    = "V#" // of a journey; its numbers have leading zeros, as those below, to be in order
	HistoryPrefix    = "H#"
	ClosedPrefix     = "C#"
	PartPrefix       = "D#"
	RepairPrefix     = "R#"
	TotalPrefix      = "T#"

	idPrefix = "jrn_"
)

// fenceShards and fencePeriod are over how many items a tenant's fence is spread.
const (
	fenceShards = 16
	FencePeriod = 30 * time.Minute
)

// FoldShards is how many partitions of the due index the figures of all journeys
// are spread over. Most parts start soon after midnight, and one partition takes
// 1,000 writes a second.
const FoldShards = 4

// Key returns a key of the table.
func Key(pk, sk string) Item {
	return Item{manifest.PartitionKey: Text(pk), manifest.SortKey: Text(sk)}
}

// KeyOf returns the key of an item.
func KeyOf(it Item) Item {
	return Item{manifest.PartitionKey: it[manifest.PartitionKey], manifest.SortKey: it[manifest.SortKey]}
}

// PartitionOf returns the partition key of an item, "" if it has none.
func PartitionOf(it Item) string {
	r := Reader{Item: it}
	return r.Text(manifest.PartitionKey)
}

// loggedKey returns an item's key without the parts that a caller chose.
func loggedKey(it Item) string {
	r := Reader{Item: it}
	pk, sk := r.Text(manifest.PartitionKey), r.Text(manifest.SortKey)
	parts := strings.SplitN(pk, "#", 4)
	if len(parts) == 4 && parts[2] != "J" && parts[2] != "K" {
		pk = strings.Join(parts[:3], "#")
		if !IsEnrollment(sk) {
			sk, _, _ = strings.Cut(sk, "#")
		}
	}
	return pk + " " + sk
}

// tenantPrefix returns the prefix of every tenant-owned key. It panics on the zero
// Tenant.
func tenantPrefix(t ident.Tenant) string {
	if t == (ident.Tenant{}) {
		panic("dynamo: a key without a tenant")
	}
	return tenantPK + t.String()
}

// ULIDOf returns the ULID in a journey id.
func ULIDOf(id ident.ID) string { return strings.TrimPrefix(string(id), idPrefix) }

// JourneyID returns the id of the journey with that ULID.
func JourneyID(ulid string) ident.ID { return ident.ID(idPrefix + ulid) }

// JourneysPK returns the partition of a tenant's journeys.
func JourneysPK(t ident.Tenant) string { return tenantPrefix(t) + "#J" }

// JourneyKey returns the key of a journey.
func JourneyKey(t ident.Tenant, id ident.ID) Item { return Key(JourneysPK(t), ULIDOf(id)) }

// TombstoneKey returns the key of a deleted journey.
func TombstoneKey(t ident.Tenant, id ident.ID) Item { return Key(tenantPrefix(t)+"#X", ULIDOf(id)) }

// JourneyCountKey returns the key of the count of a tenant's journeys.
func JourneyCountKey(t ident.Tenant) Item { return Key(tenantPrefix(t), journeyCountSK) }

// QuotaKey returns the key of the count of a tenant's enrollments in a minute.
func QuotaKey(t ident.Tenant, minute time.Time) Item {
	return Key(tenantPrefix(t)+"#Q", strconv.FormatInt(minute.Unix()/60, 10))
}

// TestSendQuotaKey returns the key of the count of a tenant's test sends in a minute.
func TestSendQuotaKey(t ident.Tenant, minute time.Time) Item {
	return Key(tenantPrefix(t)+"#Q", "S#"+strconv.FormatInt(minute.Unix()/60, 10))
}

// FenceKey returns the key of the fence item for a customer's shard at that time.
func FenceKey(t ident.Tenant, customer string, at time.Time) Item {
	pk := tenantPrefix(t) + "#F#" + strconv.Itoa(hashShard(customer, fenceShards))
	return Key(pk, fencePrefix+strconv.FormatInt(at.UnixMilli()/FencePeriod.Milliseconds(), 10))
}

// LiveKey returns the key of a journey's LIVE entry.
func LiveKey(t ident.Tenant, id ident.ID) Item {
	return Key(LivePK, LiveSK(t, id))
}

// LiveSK returns the sort key of a journey's LIVE entry.
func LiveSK(t ident.Tenant, id ident.ID) string { return t.String() + "#" + ULIDOf(id) }

// TargetsKey returns the key of the states of the targets.
func TargetsKey() Item { return Key(TargetsPK, targetsSK) }

// RateKey returns the key of the line of a target.
func RateKey(name string) Item { return Key(RatePK, name) }

// CostKey returns the key of the cost of a tenant's packs.
func CostKey(t ident.Tenant) Item { return Key(CostsPK, t.String()) }

// WiringKey returns the key of what is noted of a channel of the installation.
func WiringKey(channel string) Item { return Key(WiringPK, channel) }

// ParseLiveSK parses the sort key of a LIVE entry.
func ParseLiveSK(sk string) (tenant ident.Tenant, id ident.ID, ok bool) {
	name, ulid, _ := strings.Cut(sk, "#")
	tenant, ok = ident.ParseTenant(name)
	return tenant, JourneyID(ulid), ok
}

// EventPK returns the partition of what an event type concerns.
func EventPK(t ident.Tenant, eventType string) string {
	return tenantPrefix(t) + "#EV#" + eventType
}

// EventKey returns the key of the entry of a journey that events of a type start.
func EventKey(t ident.Tenant, eventType string, id ident.ID) Item {
	return Key(EventPK(t, eventType), ULIDOf(id))
}

// KeepKey marks that the properties of events of the type are remembered.
func KeepKey(t ident.Tenant, eventType string) Item { return Key(EventPK(t, eventType), KeepSK) }

// IdempotencyKey contains a hash of the caller's key, which may name a customer.
func IdempotencyKey(t ident.Tenant, id ident.ID, name string) Item {
	sum := sha256.Sum256([]byte(name))
	return Key(tenantPrefix(t)+"#I#"+ULIDOf(id)+"#"+hex.EncodeToString(sum[:]), idempotencySK)
}

// CustomerPK returns the partition of everything that is stored of a customer.
func CustomerPK(t ident.Tenant, customer string) string {
	return tenantPrefix(t) + "#C#" + customer
}

// CustomerOf returns the customer in a partition key of the tenant's.
func CustomerOf(t ident.Tenant, pk string) string {
	return strings.TrimPrefix(pk, CustomerPK(t, ""))
}

// EnrollmentKey returns the key of an enrollment.
func EnrollmentKey(t ident.Tenant, id ident.ID, customer string) Item {
	return Key(CustomerPK(t, customer), EnrollmentPrefix+ULIDOf(id))
}

// KeptKey returns the key of what the run of an enrollment keeps apart, given the
// enrollment's item or key, and the id of the request that started the run.
func KeptKey(enrollment Item, request []byte) Item {
	r := Reader{Item: enrollment}
	ulid := strings.TrimPrefix(r.Text(manifest.SortKey), EnrollmentPrefix)
	return Key(r.Text(manifest.PartitionKey), keptPrefix+ulid+"#"+base64.RawURLEncoding.EncodeToString(request))
}

// EarlierRunKey returns the key of an earlier run of a customer.
func EarlierRunKey(t ident.Tenant, id ident.ID, customer string, run int) Item {
	return Key(CustomerPK(t, customer), EarlierRunsPrefix(id)+strconv.Itoa(run))
}

// EarlierRunsPrefix begins the sort keys of a customer's earlier runs in a journey.
func EarlierRunsPrefix(id ident.ID) string { return EarlierPrefix + ULIDOf(id) + "#" }

// AnonymizedKey returns the key of an enrollment of a customer who was forgotten.
func AnonymizedKey(t ident.Tenant, id ident.ID, writeID string) Item {
	return Key(anonymizedPK(t, writeID), EnrollmentPrefix+ULIDOf(id))
}

// anonymizedPK returns the partition of what one write made anonymous.
func anonymizedPK(t ident.Tenant, writeID string) string { return tenantPrefix(t) + "#A#" + writeID }

// IsEnrollment reports whether a sort key is that of an enrollment, but not of an
// earlier run.
func IsEnrollment(sk string) bool { return strings.HasPrefix(sk, EnrollmentPrefix) }

// EnrollmentJourney returns the journey in the sort key of an enrollment or an earlier
// run.
func EnrollmentJourney(sk string) ident.ID {
	if run, ok := strings.CutPrefix(sk, EarlierPrefix); ok {
		sk, _, _ = strings.Cut(run, "#")
	}
	return JourneyID(strings.TrimPrefix(sk, EnrollmentPrefix))
}

// ParseEnrollmentKey returns the tenant and the journey of an enrollment, also of
// an anonymized one.
func ParseEnrollmentKey(pk, sk string) (tenant ident.Tenant, id ident.ID, ok bool) {
	parts := strings.SplitN(pk, "#", 4)
	if !IsEnrollment(sk) || len(parts) < 4 || parts[0]+"#" != tenantPK || parts[2] != "C" && parts[2] != "A" {
		return ident.Tenant{}, "", false
	}
	tenant, ok = ident.ParseTenant(parts[1])
	return tenant, EnrollmentJourney(sk), ok
}

// ParseRunKey is ParseEnrollmentKey, also for an earlier run.
func ParseRunKey(pk, sk string) (tenant ident.Tenant, id ident.ID, ok bool) {
	if run, earlier := strings.CutPrefix(sk, EarlierPrefix); earlier {
		ulid, _, _ := strings.Cut(run, "#")
		sk = EnrollmentPrefix + ulid
	}
	return ParseEnrollmentKey(pk, sk)
}

// ProfileKey returns the key of a profile.
func ProfileKey(t ident.Tenant, customer string) Item {
	return Key(CustomerPK(t, customer), profileSK)
}

// IsProfile reports whether a sort key of a customer's is that of the profile.
func IsProfile(sk string) bool { return sk == profileSK }

// LastEventKey returns the key of the last events of a type.
func LastEventKey(t ident.Tenant, customer, eventType string) Item {
	return Key(CustomerPK(t, customer), LastEventPrefix+eventType)
}

// EventRecordKey returns the key of the record of an event id.
func EventRecordKey(t ident.Tenant, customer, eventID string) Item {
	return Key(CustomerPK(t, customer), "I#"+eventID)
}

// MessageKey returns the key of what the id of a message stands for.
func MessageKey(t ident.Tenant, id message.ID) Item {
	return Key(tenantPrefix(t)+"#N#"+id.String(), messageSK)
}

// AddressKey returns the key of what is kept of an address, given its hash.
func AddressKey(t ident.Tenant, hash string) Item {
	return Key(tenantPrefix(t)+"#M#"+hash, addressSK)
}

// AddressOf returns the hash in the key of what is kept of an address.
func AddressOf(t ident.Tenant, pk string) (hash string, ok bool) {
	return strings.CutPrefix(pk, tenantPrefix(t)+"#M#")
}

// FiguresPK returns the partition of a journey's figures.
func FiguresPK(t ident.Tenant, id ident.ID) string { return tenantPrefix(t) + "#K#" + ULIDOf(id) }

// ParseFiguresPK returns the journey whose figures have this partition key.
func ParseFiguresPK(pk string) (analytics.JourneyKey, bool) {
	name, ulid, ok := strings.Cut(strings.TrimPrefix(pk, tenantPK), "#K#")
	tenant, valid := ident.ParseTenant(name)
	return analytics.JourneyKey{Tenant: tenant, Journey: JourneyID(ulid)}, ok && valid
}

// AuditKey returns the key of the audit.
func AuditKey() Item { return Key(auditPK, auditSK) }

// AuditPieceKey returns the key of a piece of the audit that was written by that write id.
func AuditPieceKey(written []byte, number int) Item {
	return Key(auditPK, fmt.Sprintf("%s#%s#%d", auditSK, hex.EncodeToString(written), number))
}

// DuePK returns the key of a partition of the due index.
func DuePK(p journey.Partition) string {
	if p.Failed {
		return tenantPrefix(p.Tenant) + "#F#" + ULIDOf(p.Journey)
	}
	return tenantPrefix(p.Tenant) + "#D#" + ULIDOf(p.Journey) + "#" + strconv.Itoa(p.Epoch) + "#" + strconv.Itoa(p.Shard)
}

// ParseDueShard returns the dueShard in a partition key of the due index.
func ParseDueShard(pk string) (int, error) {
	n, err := strconv.Atoi(pk[strings.LastIndexByte(pk, '#')+1:])
	if err != nil {
		return 0, fmt.Errorf("dynamo: no shard in %q", pk)
	}
	return n, nil
}

// FoldShardPK returns a partition of the due index for figures.
func FoldShardPK(foldShard int) string { return foldPK + strconv.Itoa(foldShard) }
