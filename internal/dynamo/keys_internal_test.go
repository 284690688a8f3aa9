package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/analytics"
	"journeys/internal/dynamo/figures"
	"journeys/internal/dynamo/item"
	"journeys/internal/feedback"
	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/message"
	"journeys/internal/progress"
)

func TestKeys_NeedATenant(t *testing.T) {
	t.Parallel()

	require.Panics(t, func() { item.JourneyKey(ident.Tenant{}, "jrn_01") })
}

// Text from callers cannot make two keys equal.
func TestKeys_OfDifferentEntitiesDiffer(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		named := rapid.OneOf(rapid.StringN(1, 20, -1), rapid.StringMatching(`[#CDEIJNTX]{1,6}`))
		a, b := drawTenant(t), drawTenant(t)
		id, other := drawID(t), drawID(t)
		x, y := named.Draw(t, "x"), named.Draw(t, "y")
		seen := map[string]string{}
		for what, k := range map[string]item.Item{
			"a " + x + " " + string(id) + " customer":    item.EnrollmentKey(a, id, x),
			"a " + y + " " + string(other) + " customer": item.EnrollmentKey(a, other, y),
			"a " + x + " " + string(id) + " event":       item.EventKey(a, x, id),
			"a " + x + " " + string(id) + " key":         item.IdempotencyKey(a, id, x),
			"a " + x + " creation":                       item.CreateKey(a, x),
			"a " + string(id):                            item.JourneyKey(a, id),
			"a " + string(id) + " deleted":               item.TombstoneKey(a, id),
			"a " + string(id) + " definition":            item.DefinitionKey(a, id, "0a"),
			"a " + string(id) + " appearance":            item.AppearanceKey(a, id, 10),
			"a " + string(id) + " text":                  item.TextKey(a, id),
			"a " + string(id) + " version":               item.VersionKey(a, id, 10),
			"a " + string(id) + " history":               item.HistoryKey(a, id, 10),
			"a " + string(id) + " draft":                 item.DraftKey(a, id),
			"a " + string(id) + " live":                  item.LiveKey(a, id),
			"a count":                                    item.JourneyCountKey(a),
		} {
			seen[pair(k)] = what
		}
		want := 15
		if x == y && id == other {
			want = 14
		}
		require.Len(t, seen, want)
		if a != b {
			require.NotEqual(t, pair(item.EnrollmentKey(a, id, x)), pair(item.EnrollmentKey(b, id, y)))
			require.NotEqual(t, pair(item.LiveKey(a, id)), pair(item.LiveKey(b, other)))
		}
	})
}

func pair(k item.Item) string {
	r := item.Reader{Item: k}
	return r.Text("PK") + "\x00" + r.Text("SK")
}

// The table in the comment of keys.go has a row for each entity, and every row is true.
func TestKeys_AreThoseOfTheTable(t *testing.T) {
	t.Parallel()

	const id = ident.ID("jrn_01ARZ3NDEKTSV4RRFFQ69G5FAV")
	tenant, _ := ident.ParseTenant("demo")
	j := analytics.JourneyKey{Tenant: tenant, Journey: id}
	hash := strings.Repeat("0f", 16)
	graph, err := item.GraphText(hash)
	require.NoError(t, err)
	w := []byte{0xab, 15: 0}
	sum := sha256.Sum256([]byte("order-1"))
	part, err := item.PartKey(analytics.PartKey{Tenant: tenant, Journey: id, Day: "2026-11-23", Shard: 2, Graph: hash})
	require.NoError(t, err)

	requireRows(t, keyRows(t, "Entity PK SK"), map[string]item.Item{
		"journey":               item.JourneyKey(tenant, id),
		"deleted journey":       item.TombstoneKey(tenant, id),
		"graph":                 item.DefinitionKey(tenant, id, hash),
		"appearance":            item.AppearanceKey(tenant, id, 12),
		"text":                  item.TextKey(tenant, id),
		"version":               item.VersionKey(tenant, id, 12),
		"history entry":         item.HistoryKey(tenant, id, 34),
		"draft":                 item.DraftKey(tenant, id),
		"journey count":         item.JourneyCountKey(tenant),
		"names":                 item.NamesKey(tenant),
		"tenant settings":       item.TenantSettingsKey(tenant),
		"subscriptions":         item.SubscriptionsKey(tenant, "ada"),
		"address":               item.AddressKey(tenant, hash),
		"enrollment quota":      item.QuotaKey(tenant, time.UnixMilli(1_700_000_000_000)),
		"fence":                 item.FenceKey(tenant, "c", time.UnixMilli(1_700_000_000_000)),
		"LIVE entry":            item.LiveKey(tenant, id),
		"targets":               item.TargetsKey(),
		"line of a target":      item.RateKey("c:push"),
		"feedback of a step":    item.HeardKey(tenant, feedback.Step{Customer: "ada", Journey: id, Run: 3, Node: 4}),
		"anonymized feedback":   item.AnonymizedHeardKey(tenant, id, hex.EncodeToString(w)),
		"message":               item.MessageKey(tenant, message.ID{1}),
		"cost of a tenant":      item.CostKey(tenant),
		"wiring of a channel":   item.WiringKey("push"),
		"journey by event":      item.EventKey(tenant, "opened", id),
		"Idempotency-Key":       item.IdempotencyKey(tenant, id, "order-1"),
		"key of a creation":     item.CreateKey(tenant, "order-1"),
		"enrollment":            item.EnrollmentKey(tenant, id, "ada"),
		"kept item":             item.KeptKey(item.EnrollmentKey(tenant, id, "ada"), w),
		"earlier run":           item.EarlierRunKey(tenant, id, "ada", 3),
		"anonymized enrollment": item.AnonymizedKey(tenant, id, hex.EncodeToString(w)),
		"profile":               item.ProfileKey(tenant, "ada"),
		"kept properties":       item.KeepKey(tenant, "opened"),
		"last events":           item.LastEventKey(tenant, "ada", "opened"),
		"event record":          item.EventRecordKey(tenant, "ada", "e1"),
		"closed month":          item.ClosedKey(j, "2026-11", graph),
		"open part":             part,
		"forgotten count":       item.ForgottenKey(tenant, id),
		"head":                  item.HeadKey(tenant, id),
		"repair":                item.RepairKey(j, "2026-11-23", graph),
		"total":                 item.TotalKey(j, graph),
		"audit":                 item.AuditKey(),
		"audit piece":           item.AuditPieceKey(w[:], 7),
	}, []string{manifest.PartitionKey, manifest.SortKey}, strings.NewReplacer(
		"<tenant>", "demo", "<journey>", item.ULIDOf(id), "<hash>", hash, "<address>", hash, "<channel>", "push", "<version>", "12", "<version9>", "000000012", "<revision19>", "0000000000000000034", "<graph>", graph, "<key>", hex.EncodeToString(sum[:]),
		"<customer>", "ada", "<eventType>", "opened", "<eventId>", "e1", "<writeId>", "ab"+strings.Repeat("00", 15),
		"<month>", "2026-11", "<day>", "2026-11-23", "<partShard>", "2", "<fenceShard>", "2", "<number>", "7",
		"<period>", "944444", "<minute>", "28333333", "<target>", "c:push", "<run>", "3", "<node>", "4", "<request>", "qwAAAAAAAAAAAAAAAAAAAA", "<id>", message.ID{1}.String(),
	))
}

func TestKeys_OfTheDueIndexAreThoseOfTheTable(t *testing.T) {
	t.Parallel()

	const id = ident.ID("jrn_01ARZ3NDEKTSV4RRFFQ69G5FAV")
	tenant, _ := ident.ParseTenant("demo")
	hash := strings.Repeat("0f", 32)
	due, node, made := time.UnixMilli(1_700_000_000_000), time.UnixMilli(1_600_000_000_000), time.UnixMilli(1_800_000_000_000)
	encode := func(status progress.EnrollmentStatus) item.Item {
		it, err := encodeEnrollment(tenant, 4, progress.Enrollment{
			Journey: id, Customer: "ada", Status: status, GraphHash: hash, Epoch: 3, Due: due, Since: node,
		})
		require.NoError(t, err)
		return it
	}
	part, err := figures.EncodePart(analytics.Part{PartKey: analytics.PartKey{Tenant: tenant, Journey: id, Day: "2026-11-23", Graph: hash}})
	require.NoError(t, err)
	repair, err := figures.EncodeRepair(analytics.JourneyKey{Tenant: tenant, Journey: id}, analytics.Repair{Graph: hash, Day: "2026-11-23", Made: made})
	require.NoError(t, err)

	millis := func(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }
	requireRows(t, keyRows(t, "Entity dp ds"), map[string]item.Item{
		"active enrollment": encode(progress.Inside),
		"failed enrollment": encode(progress.Failed),
		"open part":         part,
		"repair":            repair,
	}, []string{manifest.DuePartitionKey, manifest.DueSortKey}, strings.NewReplacer(
		"<tenant>", "demo", "<journey>", item.ULIDOf(id), "<epoch>", "3",
		"<dueShard>", strconv.Itoa(item.DueShard("ada", 4)), "<foldShard>", strconv.Itoa(item.FoldShard(id)),
		"when it is due", millis(due), "when it reached its node", millis(node),
		"when its day may be folded", millis(analytics.Day("2026-11-23").End().Add(analytics.SettleAfter)),
		"when it was made", millis(made),
	))
}

// keyRows returns the rows of the table with this head in the comment of keys.go: the
// entity and the two columns.
func keyRows(t *testing.T, head string) [][]string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("item", "keys.go"))
	require.NoError(t, err)
	columns := regexp.MustCompile(`\s{2,}`)
	var rows [][]string
	inTable := false
	for line := range strings.Lines(string(source)) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "//\t")
		switch {
		case !ok:
			inTable = false
		case strings.Join(strings.Fields(text), " ") == head:
			inTable = true
		case inTable:
			rows = append(rows, columns.Split(text, -1))
		}
	}
	require.NotEmpty(t, rows, head)
	return rows
}

// requireRows requires that each row describes the item of its entity, and each item
// has a row.
func requireRows(t *testing.T, rows [][]string, items map[string]item.Item, names []string, values *strings.Replacer) {
	t.Helper()
	require.Len(t, rows, len(items))
	for _, row := range rows {
		require.Len(t, row, 3, row)
		require.Contains(t, items, row[0])
		for i, name := range names {
			got := ""
			switch v := items[row[0]][name].(type) {
			case *types.AttributeValueMemberS:
				got = v.Value
			case *types.AttributeValueMemberN:
				got = v.Value
			}
			require.Equal(t, values.Replace(row[i+1]), got, row[0])
		}
	}
}

// Every key and prefix of the table is in keys.go.
func TestKeys_AreInOneFile(t *testing.T) {
	t.Parallel()

	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	items, err := filepath.Glob(filepath.Join("item", "*.go"))
	require.NoError(t, err)
	prefix := regexp.MustCompile("[\"`#][A-Z]{1,5}#|\"LIVE\"|\"AUDIT\"")
	found := 0
	for _, file := range append(files, items...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		hits := prefix.FindAllString(string(source), -1)
		if file == filepath.Join("item", "keys.go") {
			found = len(hits)
			continue
		}
		require.Empty(t, hits, file)
	}
	require.Greater(t, found, 10)
}
