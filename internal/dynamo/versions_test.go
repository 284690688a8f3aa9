package dynamo_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"journeys/internal/dynamo/capacity"
	"journeys/internal/ident"
	"journeys/internal/journey"
)

// numbers returns the versions as "number", or "number=sameAs", the current one with *.
func numbers(list []journey.Version) string {
	var texts []string
	for _, v := range list {
		text := strconv.Itoa(v.Number)
		if v.SameAs > 0 {
			text += "=" + strconv.Itoa(v.SameAs)
		}
		if v.Current {
			text += "*"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

func (p *fixture) versions(t *testing.T, id ident.ID, cursor string, limit int) journey.VersionPage {
	t.Helper()
	page, err := p.Versions(t.Context(), demo, id, cursor, limit)
	require.NoError(t, err)
	return page
}

func TestVersions_AreListedNewestFirst(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	name, d := "n", definitionOf(t, leavingGraph)
	ada := journey.Author{Subject: "7f8c", Name: "Ada"}
	draft, err := p.Create(t.Context(), demo, journey.Change{Name: &name, Definition: &d, By: ada})
	require.NoError(t, err)
	id := draft.ID
	require.Equal(t, "1*", numbers(p.versions(t, id, "", 50).Versions))
	p.put(t, id, waitingGraph, "")
	require.Equal(t, "2*", numbers(p.versions(t, id, "", 50).Versions), "a replaced draft is gone")
	_, err = p.Version(t.Context(), demo, id, 1)
	require.ErrorIs(t, err, journey.ErrNoVersion)

	p.put(t, id, waitingGraph, journey.Active) // version 2
	p.put(t, id, turned, "")                   // the same with another appearance
	p.put(t, id, leavingGraph, "")             // 3
	p.put(t, id, turned, "")                   // 4, runs as 2
	p.put(t, id, sendingGraph, "")             // 5
	p.now = p.now.Add(time.Hour)
	d = definitionOf(t, leavingGraph)
	_, err = p.Update(t.Context(), demo, id, journey.Change{Definition: &d, By: ada}, nil) // 6, as 3
	require.NoError(t, err)
	page := p.versions(t, id, "", 50)
	require.Equal(t, "6=3* 5 4=2 3 2", numbers(page.Versions))
	require.Empty(t, page.Next)
	require.Equal(t, ada, page.Versions[0].CreatedBy)
	require.Equal(t, p.now, page.Versions[0].CreatedAt)
	require.Equal(t, 2, page.Versions[0].NodeCount)
	require.Equal(t, journey.Author{}, page.Versions[1].CreatedBy, "unknown")

	page = p.versions(t, id, "", 2)
	require.Equal(t, "6=3* 5", numbers(page.Versions))
	page = p.versions(t, id, page.Next, 2)
	require.Equal(t, "4=2 3", numbers(page.Versions))
	page = p.versions(t, id, page.Next, 2)
	require.Equal(t, "2", numbers(page.Versions))
	require.Empty(t, page.Next)

	for number, definition := range map[int]string{2: turned, 3: leavingGraph, 4: turned, 6: leavingGraph} {
		v, err := p.restarted().Version(t.Context(), demo, id, number)
		require.NoError(t, err)
		require.Equal(t, definition, string(v.Definition), number)
		require.Equal(t, number == 6, v.Current)
	}
	for _, number := range []int{1, 7, 999_999_999, 1 << 40} {
		_, err := p.Version(t.Context(), demo, id, number)
		require.ErrorIs(t, err, journey.ErrNoVersion)
	}
	_, err = p.Version(t.Context(), other, id, 2)
	require.ErrorIs(t, err, journey.ErrNotFound)
	_, err = p.Versions(t.Context(), other, id, "", 50)
	require.ErrorIs(t, err, journey.ErrNotFound)
}

// This is the cost in docs/performance.md.
func TestVersions_TakeFewRequests(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	id := p.journey(t, waitingGraph)
	p.put(t, id, leavingGraph, "")
	ctx, meter := capacity.WithMeter(t.Context())
	_, err := p.Versions(ctx, demo, id, "", 50)
	require.NoError(t, err)
	require.Equal(t, 2, meter.Usage().Requests)
	_, err = p.Version(ctx, demo, id, 1)
	require.NoError(t, err)
	require.Equal(t, 5, meter.Usage().Requests)
	_, err = p.History(ctx, demo, id, "", 50)
	require.NoError(t, err)
	require.Equal(t, 7, meter.Usage().Requests)
	require.LessOrEqual(t, meter.Usage().ReadUnits, 8.0)
}

// summary returns a history as "revision action action:version", the newest first.
func summary(entries []journey.HistoryEntry) string {
	var texts []string
	for _, e := range entries {
		text := strconv.FormatInt(e.Rev, 10)
		for _, action := range e.Actions {
			text += " " + string(action)
		}
		texts = append(texts, text+":"+strconv.Itoa(e.Version))
	}
	return strings.Join(texts, ", ")
}

func TestHistory_IsKeptFor400Days(t *testing.T) {
	t.Parallel()

	p := newFixture(t)
	ada, alan := journey.Author{Subject: "7f8c", Name: "Ada"}, journey.Author{Subject: "2b1e"}
	name, d, active, paused := "n", definitionOf(t, leavingGraph), journey.Active, journey.Paused
	j, err := p.Create(t.Context(), demo, journey.Change{Name: &name, By: ada})
	require.NoError(t, err)
	change := func(c journey.Change) {
		t.Helper()
		p.now = p.now.Add(time.Hour)
		_, err := p.Update(t.Context(), demo, j.ID, c, nil)
		require.NoError(t, err)
	}
	change(journey.Change{Definition: &d, Status: &active, By: alan})
	change(journey.Change{Status: &active, By: ada}) // no effect
	change(journey.Change{Status: &paused, By: ada})
	d = definitionOf(t, waitingGraph)
	change(journey.Change{Definition: &d, Publish: true})

	history := func(cursor string, limit int) journey.HistoryPage {
		t.Helper()
		page, err := p.History(t.Context(), demo, j.ID, cursor, limit)
		require.NoError(t, err)
		return page
	}
	page := history("", 50)
	require.Equal(t, "4 published:3, 3 paused:2, 2 edited activated:2, 1 created:1", summary(page.Entries))
	require.Empty(t, page.Next)
	require.Equal(t, journey.Author{}, page.Entries[0].By)
	require.Equal(t, p.now, page.Entries[0].At)
	require.Equal(t, []string{"definition"}, page.Entries[0].Fields)
	require.Equal(t, ada, page.Entries[1].By)
	require.Equal(t, alan, page.Entries[2].By)
	require.Empty(t, page.Entries[3].Fields)

	page = history("", 3)
	require.Equal(t, "4 published:3, 3 paused:2, 2 edited activated:2", summary(page.Entries))
	require.Equal(t, "1 created:1", summary(history(page.Next, 3).Entries))
	_, err = p.History(t.Context(), other, j.ID, "", 50)
	require.ErrorIs(t, err, journey.ErrNotFound)

	ttl := lookup(t, p.table, "T#demo#J#"+string(j.ID)[4:], "H#0000000000000000001")["ttl"].(*types.AttributeValueMemberN).Value
	require.Equal(t, strconv.FormatInt(start.AddDate(0, 0, 400).Unix(), 10), ttl)
	p.now = start.AddDate(0, 0, 400).Add(2 * time.Hour)
	require.Equal(t, "4 published:3, 3 paused:2", summary(history("", 50).Entries), "the table deletes expired entries late")
	require.NoError(t, p.Delete(t.Context(), demo, j.ID, nil))
	_, err = p.History(t.Context(), demo, j.ID, "", 50)
	require.ErrorIs(t, err, journey.ErrNotFound)
	_, err = p.Version(t.Context(), demo, j.ID, 3)
	require.ErrorIs(t, err, journey.ErrNotFound)
}
