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
	"journeys/internal/journey"
	"journeys/internal/manifest"
)

func TestKeys_NeedATenant(t *testing.T) {
	t.Parallel()

	require.Panics(t, func() { journeyKey(journey.Tenant{}, "jrn_01") })
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
		for what, k := range map[string]item{
			"a " + x + " " + string(id) + " customer":    enrollmentKey(a, id, x),
			"a " + y + " " + string(other) + " customer": enrollmentKey(a, other, y),
			"a " + x + " " + string(id) + " event":       eventKey(a, x, id),
			"a " + x + " " + string(id) + " key":         idempotencyKey(a, id, x),
			"a " + string(id):                            journeyKey(a, id),
			"a " + string(id) + " deleted":               tombstoneKey(a, id),
			"a " + string(id) + " definition":            definitionKey(a, id, "0a"),
			"a " + string(id) + " appearance":            appearanceKey(a, id, 10),
			"a " + string(id) + " text":                  textKey(a, id),
			"a " + string(id) + " live":                  liveKey(a, id),
			"a count":                                    journeyCountKey(a),
		} {
			seen[pair(k)] = what
		}
		want := 11
		if x == y && id == other {
			want = 10
		}
		require.Len(t, seen, want)
		if a != b {
			require.NotEqual(t, pair(enrollmentKey(a, id, x)), pair(enrollmentKey(b, id, y)))
			require.NotEqual(t, pair(liveKey(a, id)), pair(liveKey(b, other)))
		}
	})
}

func pair(k item) string {
	r := reader{item: k}
	return r.text("PK") + "\x00" + r.text("SK")
}

// The table in the comment of keys.go has a row for each entity, and every row is true.
func TestKeys_AreThoseOfTheTable(t *testing.T) {
	t.Parallel()

	const id = journey.ID("jrn_01ARZ3NDEKTSV4RRFFQ69G5FAV")
	tenant, _ := journey.ParseTenant("demo")
	j := analytics.JourneyKey{Tenant: tenant, Journey: id}
	hash := strings.Repeat("0f", 16)
	graph, err := graphText(hash)
	require.NoError(t, err)
	w := writeID{0xab}
	sum := sha256.Sum256([]byte("order-1"))
	part, err := partKey(analytics.PartKey{Tenant: tenant, Journey: id, Day: "2026-11-23", Shard: 2, Graph: hash})
	require.NoError(t, err)

	requireRows(t, keyRows(t, "Entity PK SK"), map[string]item{
		"journey":               journeyKey(tenant, id),
		"deleted journey":       tombstoneKey(tenant, id),
		"graph":                 definitionKey(tenant, id, hash),
		"appearance":            appearanceKey(tenant, id, 12),
		"text":                  textKey(tenant, id),
		"journey count":         journeyCountKey(tenant),
		"fence":                 fenceKey(tenant, "c", time.UnixMilli(1_700_000_000_000)),
		"LIVE entry":            liveKey(tenant, id),
		"journey by event":      eventKey(tenant, "opened", id),
		"Idempotency-Key":       idempotencyKey(tenant, id, "order-1"),
		"enrollment":            enrollmentKey(tenant, id, "ada"),
		"anonymized enrollment": anonymizedKey(tenant, id, w),
		"profile":               profileKey(tenant, "ada"),
		"kept properties":       keepKey(tenant, "opened"),
		"last events":           lastEventKey(tenant, "ada", "opened"),
		"event record":          eventRecordKey(tenant, "ada", "e1"),
		"closed month":          closedKey(j, "2026-11", graph),
		"open part":             part,
		"forgotten count":       forgottenKey(tenant, id),
		"head":                  headKey(tenant, id),
		"repair":                repairKey(j, "2026-11-23", graph),
		"total":                 totalKey(j, graph),
		"audit":                 auditKey(),
		"audit piece":           auditPieceKey(w[:], 7),
	}, []string{manifest.PartitionKey, manifest.SortKey}, strings.NewReplacer(
		"<tenant>", "demo", "<journey>", ulidOf(id), "<hash>", hash, "<version>", "12", "<graph>", graph, "<key>", hex.EncodeToString(sum[:]),
		"<customer>", "ada", "<eventType>", "opened", "<eventId>", "e1", "<writeId>", "ab"+strings.Repeat("00", 15),
		"<month>", "2026-11", "<day>", "2026-11-23", "<partShard>", "2", "<fenceShard>", "2", "<number>", "7",
		"<period>", "944444",
	))
}

func TestKeys_OfTheDueIndexAreThoseOfTheTable(t *testing.T) {
	t.Parallel()

	const id = journey.ID("jrn_01ARZ3NDEKTSV4RRFFQ69G5FAV")
	tenant, _ := journey.ParseTenant("demo")
	hash := strings.Repeat("0f", 32)
	due, node, made := time.UnixMilli(1_700_000_000_000), time.UnixMilli(1_600_000_000_000), time.UnixMilli(1_800_000_000_000)
	encode := func(status journey.EnrollmentStatus) item {
		it, err := encodeEnrollment(tenant, 4, journey.Enrollment{
			Journey: id, Customer: "ada", Status: status, GraphHash: hash, Epoch: 3, Due: due, Since: node,
		})
		require.NoError(t, err)
		return it
	}
	part, err := encodePart(analytics.Part{PartKey: analytics.PartKey{Tenant: tenant, Journey: id, Day: "2026-11-23", Graph: hash}})
	require.NoError(t, err)
	repair, err := encodeRepair(analytics.JourneyKey{Tenant: tenant, Journey: id}, analytics.Repair{Graph: hash, Day: "2026-11-23", Made: made})
	require.NoError(t, err)

	millis := func(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }
	requireRows(t, keyRows(t, "Entity dp ds"), map[string]item{
		"active enrollment": encode(journey.Inside),
		"failed enrollment": encode(journey.Failed),
		"open part":         part,
		"repair":            repair,
	}, []string{manifest.DuePartitionKey, manifest.DueSortKey}, strings.NewReplacer(
		"<tenant>", "demo", "<journey>", ulidOf(id), "<epoch>", "3",
		"<dueShard>", strconv.Itoa(dueShard("ada", 4)), "<foldShard>", strconv.Itoa(foldShard(id)),
		"when it is due", millis(due), "when it reached its node", millis(node),
		"when its day may be folded", millis(analytics.Day("2026-11-23").End().Add(analytics.SettleAfter)),
		"when it was made", millis(made),
	))
}

// keyRows returns the rows of the table with this head in the comment of keys.go: the
// entity and the two columns.
func keyRows(t *testing.T, head string) [][]string {
	t.Helper()
	source, err := os.ReadFile("keys.go")
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
func requireRows(t *testing.T, rows [][]string, items map[string]item, names []string, values *strings.Replacer) {
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
	prefix := regexp.MustCompile("[\"`#][A-Z]{1,5}#|\"LIVE\"|\"AUDIT\"")
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		hits := prefix.FindAllString(string(source), -1)
		if file == "keys.go" {
			found = len(hits)
			continue
		}
		require.Empty(t, hits, file)
	}
	require.Greater(t, found, 10)
}
