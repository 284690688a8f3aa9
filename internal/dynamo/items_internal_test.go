package dynamo

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"journeys/internal/analytics"
	"journeys/internal/analytics/tally"
	"journeys/internal/dynamo/access"
	"journeys/internal/dynamo/figures"
	"journeys/internal/dynamo/format"
	"journeys/internal/dynamo/item"
	"journeys/internal/dynamo/pack"
	"journeys/internal/graph"
	"journeys/internal/ident"
	"journeys/internal/journey"
	"journeys/internal/progress"
	"journeys/internal/trail"
)

// drawAuthor draws an author, who may be unknown or without a name.
func drawAuthor(t *rapid.T, label string) journey.Author {
	by := journey.Author{Subject: rapid.StringN(0, 64, 256).Draw(t, label)}
	if by.Subject != "" {
		by.Name = rapid.StringN(0, 128, -1).Draw(t, label+"Name")
	}
	return by
}

func TestJourney_DecodesAsEncoded(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		tenant := drawTenant(t)
		j := journey.Journey{
			ID: drawID(t), Name: rapid.String().Draw(t, "name"), Description: rapid.String().Draw(t, "description"),
			TextRev: rapid.Int64Range(1, 1<<40).Draw(t, "textRev"), AppearanceRev: rapid.Int64Range(0, 1<<40).Draw(t, "appearanceRev"),
			DefinitionRev:   rapid.Int64Range(1, 1<<40).Draw(t, "definitionRev"),
			Published:       rapid.StringMatching(`([0-9a-f]{32})?`).Draw(t, "published"),
			GraphPassed:     rapid.Bool().Draw(t, "passed"),
			Status:          rapid.SampledFrom(journey.Statuses).Draw(t, "status"),
			EntryCondition:  drawBytes(t, "entry"),
			MaxDurationDays: rapid.IntRange(1, journey.MaxDuration).Draw(t, "days"),
			Version:         rapid.IntRange(1, 1<<30).Draw(t, "version"),
			GraphHash:       rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "hash"),
			NodeCount:       rapid.IntRange(0, 256).Draw(t, "nodes"),
			Events:          drawTexts(t),
			Shards:          rapid.IntRange(1, 256).Draw(t, "shards"),
			Epoch:           rapid.IntRange(0, 1000).Draw(t, "epoch"),
			Rev:             rapid.Int64Range(1, 1<<40).Draw(t, "rev"),
			CreatedAt:       drawTime(t, "created"), UpdatedAt: drawTime(t, "updated"),
			CreatedBy: drawAuthor(t, "createdBy"), UpdatedBy: drawAuthor(t, "updatedBy"),
		}
		it, err := encodeJourney(tenant, j, access.WriteID{1})
		require.NoError(t, err)
		read, err := decodeJourney(written(it))
		require.NoError(t, err)
		matches, err := addText(&read, written(encodeText(tenant, j)))
		require.NoError(t, err)
		require.True(t, matches)
		require.Equal(t, j, read)
	})
}

func TestDraft_DecodesAsEncoded(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		author := func(name string) journey.Author {
			return journey.Author{Subject: rapid.StringN(1, 9, -1).Draw(t, name), Name: rapid.String().Draw(t, name+"Name")}
		}
		d := journey.DraftCopy{
			Journey: drawID(t), Tag: rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "tag"), Definition: []byte(`{"nodes":[]}`),
			Settings: []byte(rapid.SampledFrom([]string{"", `{"timezone":"Asia/Tokyo"}`}).Draw(t, "settings")),
			BasedOn:  rapid.Int64Range(1, 1<<40).Draw(t, "basedOn"), CreatedAt: drawTime(t, "created"), UpdatedAt: drawTime(t, "updated"),
			CreatedBy: author("createdBy"), UpdatedBy: author("updatedBy"),
		}
		if len(d.Settings) == 0 {
			d.Settings = nil
		}
		it, w, err := encodeDraft(drawTenant(t), d)
		require.NoError(t, err)
		require.Equal(t, d.Tag, w.String())
		read, err := decodeDraft(d.Journey, written(it))
		require.NoError(t, err)
		require.Equal(t, d, read)
	})
}

func TestEnrollment_DecodesAsEncoded(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		tenant := drawTenant(t)
		e := progress.Enrollment{
			Journey: drawID(t), Customer: rapid.StringN(1, 128, -1).Draw(t, "customer"),
			Status: progress.EnrollmentStatus(rapid.IntRange(1, int(progress.Failed)).Draw(t, "status")),
			LeftAt: drawTime(t, "left"), FailedAt: drawTime(t, "failed"),
			ConvertedAt: drawTime(t, "converted"), ConvertedSteps: rapid.IntRange(0, 255).Draw(t, "convertedSteps"),
			GraphHash: rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "hash"),
			Version:   rapid.IntRange(1, 1<<30).Draw(t, "version"), Epoch: rapid.IntRange(0, 9).Draw(t, "epoch"),
			Run: rapid.IntRange(1, 9).Draw(t, "run"), Rev: rapid.Int64Range(1, 1<<40).Draw(t, "rev"),
			EnrolledAt: drawTime(t, "enrolled"), ExpiresAt: drawTime(t, "expires"),
			WrittenAt: drawTime(t, "written"), Node: rapid.IntRange(0, 255).Draw(t, "node"), Since: drawTime(t, "since"), Due: drawTime(t, "due"),
			ExitReason: rapid.String().Draw(t, "reason"), Path: drawBytes(t, "path"), Delta: drawBytes(t, "delta"),
			Decisions: drawBytes(t, "decisions"), Event: drawBytes(t, "event"),
			OnProfile: rapid.Bool().Draw(t, "onProfile"),
			Attempts:  rapid.IntRange(0, 10).Draw(t, "attempts"), LeaseUntil: drawTime(t, "lease"),
		}
		if e.Status != progress.Inside {
			e.Due = time.Time{}
		}
		if e.OnProfile {
			e.ProfileRev = rapid.Int64().Draw(t, "profileRev")
		}
		copy(e.RequestID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "request"))
		it, err := encodeEnrollment(tenant, 4, e)
		require.NoError(t, err)
		read, err := decodeEnrollment(tenant, written(it))
		require.NoError(t, err)
		again, err := encodeEnrollment(tenant, 8, read)
		require.NoError(t, err)
		require.Equal(t, it, again, "also with more shards")
		read.Place = progress.Place{}
		require.Equal(t, e, read)
	})
}

func TestEnrollment_DeltaOfAnEarlierRevisionIsDropped(t *testing.T) {
	t.Parallel()

	tenant, _ := ident.ParseTenant("demo")
	it, err := encodeEnrollment(tenant, 4, progress.Enrollment{
		Journey: "jrn_01", Customer: "ada", Status: progress.Inside, Rev: 3, Delta: trail.Delta{1, 2, 3},
	})
	require.NoError(t, err)
	it[eRev] = item.Number(4) // a later write of something else
	e, err := decodeEnrollment(tenant, written(it))
	require.NoError(t, err)
	require.Nil(t, e.Delta)
}

func TestItem_UnexpectedTypeIsAnError(t *testing.T) {
	t.Parallel()

	tenant, _ := ident.ParseTenant("demo")
	for name, broken := range map[string]types.AttributeValue{
		eStatus: item.Text("1"), eRev: item.Binary(nil), ePath: item.Text("x"), eReason: item.Number(1), eSince: item.Text("1"),
	} {
		it, err := encodeEnrollment(tenant, 4, progress.Enrollment{Journey: "jrn_01", Customer: "ada", Status: 1})
		require.NoError(t, err)
		it[name] = broken
		_, err = decodeEnrollment(tenant, written(it))
		require.ErrorContains(t, err, "attribute "+name)
	}
	_, err := decodeEnrollment(tenant, written(item.EnrollmentKey(tenant, "jrn_01", "ada")))
	require.ErrorContains(t, err, "without a status")
	_, err = decodeJourney(written(item.Item{aEvents: &types.AttributeValueMemberL{Value: []types.AttributeValue{item.Number(1)}}}))
	require.ErrorContains(t, err, "attribute "+aEvents)
}

// written returns an item as it is stored, with its format.
func written(it item.Item) item.Item {
	it = maps.Clone(it)
	format.Add(it)
	return it
}

func drawTenant(t *rapid.T) ident.Tenant {
	tenant, ok := ident.ParseTenant(rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(t, "tenant"))
	require.True(t, ok)
	return tenant
}

func drawID(t *rapid.T) ident.ID {
	return ident.ID(rapid.StringMatching(`jrn_0[0-9A-HJKMNP-TV-Z]{25}`).Draw(t, "id"))
}

// drawBytes draws bytes, or nil.
func drawBytes(t *rapid.T, label string) []byte {
	if b := rapid.SliceOf(rapid.Byte()).Draw(t, label); len(b) > 0 {
		return b
	}
	return nil
}

func drawTexts(t *rapid.T) []string {
	if list := rapid.SliceOfDistinct(rapid.String(), rapid.ID).Draw(t, "events"); len(list) > 0 {
		return list
	}
	return nil
}

// drawTime draws a time from 1970 to 2100, or the zero time.
func drawTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" is zero") {
		return time.Time{}
	}
	return time.UnixMilli(rapid.Int64Range(0, 4102444800000).Draw(t, label)).UTC()
}

func TestPart_DecodesAsEncoded(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		tenant := drawTenant(t)
		count := rapid.Int64Range(-1000, 1<<40)
		p := analytics.Part{
			PartKey: analytics.PartKey{
				Tenant: tenant, Journey: drawID(t), Day: analytics.DayOf(drawTime(t, "day")),
				Shard: rapid.IntRange(0, analytics.Shards-1).Draw(t, "shard"),
				Graph: rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "graph"),
			},
			Born: drawTime(t, "born"), Rev: rapid.Int64Range(1, 1<<40).Draw(t, "rev"), Version: rapid.IntRange(1, 1<<30).Draw(t, "version"),
			Totals: tally.Totals{Enrolled: count.Draw(t, "enrolled"), Failed: count.Draw(t, "failed")},
			Poison: rapid.Int64Range(0, 3).Draw(t, "poison"), Newest: drawTime(t, "newest"), Updated: drawTime(t, "updated"),
			Watermarks: map[string]string{
				"shardId-000001-abc.def": "123", "shardId-00000001542983423423-ABCDEF01": "0",
				fmt.Sprintf("shardId-%020d-%08x", rapid.Uint64().Draw(t, "began"), rapid.Uint32().Draw(t, "bits")): rapid.StringMatching(`[1-9][0-9]{0,39}`).Draw(t, "number"),
			},
		}
		for range rapid.IntRange(0, graph.MaxNodes).Draw(t, "nodes") {
			p.Steps = append(p.Steps, tally.Step{
				Entered: count.Draw(t, "entered"), Dropped: count.Draw(t, "dropped"),
				Results: tally.Results{{Result: trail.True, Count: 1}}.Plus(
					tally.ResultCount{Result: trail.False, Count: count.Draw(t, "false")},
				),
			})
		}
		it, err := figures.EncodePart(p)
		require.NoError(t, err)
		read, err := figures.DecodePart(tenant, written(it))
		require.NoError(t, err)
		require.Equal(t, p, read)
	})
}

func TestLabels_DecodeAsEncoded(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		var labels []graph.Label
		for i := range rapid.IntRange(0, graph.MaxNodes).Draw(t, "nodes") {
			id := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
			label := graph.Label{Node: i, ID: id.Draw(t, "id"), Type: rapid.SampledFrom(pack.LabelTypes).Draw(t, "type")}
			switch label.Type {
			case graph.ConditionSplit:
				label.Ways = []string{"true", "false"}
			case graph.MultiSplit, graph.RandomSplit, graph.Wait:
				label.Ways = rapid.SliceOfN(id, 2, graph.MaxWays).Draw(t, "ways")
			default: // one way
			}
			count := len(label.Ways)
			if count == 0 && label.Type != graph.Exit {
				count = 1
			}
			for range count {
				next := rapid.IntRange(-1, graph.MaxNodes-1).Filter(func(next int) bool { return next != i })
				label.Next = append(label.Next, next.Draw(t, "next"))
			}
			if rapid.Bool().Draw(t, "has a text") {
				label.Text = rapid.StringN(1, graph.MaxLabel, -1).Draw(t, "text")
			}
			labels = append(labels, label)
		}
		packed := pack.Labels(labels)
		require.Equal(t, labels, pack.ReadLabels(packed))
		if len(packed) > 0 {
			require.Nil(t, pack.ReadLabels(packed[:len(packed)-1]), "truncated")
		}
	})
}

func TestTaken_DecodesAsEncoded(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		var list []analytics.Taken
		for range rapid.IntRange(0, 5).Draw(t, "parts") {
			at := time.UnixMilli(rapid.Int64Range(0, 4102444800000).Draw(t, "at")).UTC()
			list = append(list, analytics.Taken{
				Day: analytics.DayOf(at), Shard: rapid.IntRange(0, analytics.Shards-1).Draw(t, "shard"), Born: at,
				Rev: rapid.Int64Range(1, 1<<40).Draw(t, "rev"), Total: rapid.Int64Range(1, 1<<40).Draw(t, "total"), At: at,
			})
		}
		packed := pack.Taken(list)
		read, err := pack.ReadTaken(packed)
		require.NoError(t, err)
		require.Equal(t, list, read)
		if len(packed) > 0 {
			_, err = pack.ReadTaken(packed[:len(packed)-1])
			require.Error(t, err, "truncated")
		}
	})
}

// Any bytes are either an error or decode to a value that encodes and decodes again.
func TestPacked_AnyBytesDecodeOrFail(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		packed := rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.ByteMax(12))).Draw(t, "packed")
		if marks, err := pack.ReadWatermarks(packed); err == nil {
			again, err := pack.Watermarks(marks)
			require.NoError(t, err)
			read, err := pack.ReadWatermarks(again)
			require.NoError(t, err)
			require.Equal(t, marks, read)
		}
		if labels := pack.ReadLabels(packed); labels != nil {
			require.Equal(t, labels, pack.ReadLabels(pack.Labels(labels)))
		}
	})
}
