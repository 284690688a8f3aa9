package tap

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// units returns the tap's units for a batch of statements and its answer.
func units(t *testing.T, tap *Tap, answer string, statements ...string) (write, index float64) {
	t.Helper()
	body := `{"Statements":[` + strings.Join(statements, ",") + `]}`
	r := &http.Request{GetBody: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }}
	write, index, err := tap.statementUnits(r, []byte(answer))
	require.NoError(t, err)
	return write, index
}

func TestTap_CountsUnitsOfStatements(t *testing.T) {
	t.Parallel()

	// 13 bytes besides x: 2+1 each for PK, SK, dp and ds, 1 for the name x.
	insert := func(key string, bytes int) string {
		return `{"Statement":"INSERT INTO \"t\" VALUE {'PK':?,'SK':?,'dp':?,'ds':?,'x':?}","Parameters":[{"S":"` + key + `"},{"S":"s"},{"S":"b"},{"N":"0"},{"S":"` +
			strings.Repeat("x", bytes-13) + `"}]}`
	}
	update := func(key, change string, values ...string) string {
		return `{"Statement":"UPDATE \"t\"` + change + ` WHERE PK=? AND SK=? AND r=?","Parameters":[` +
			strings.Join(append(values, `{"S":"`+key+`"}`, `{"S":"s"}`, `{"N":"1"}`), ",") + `]}`
	}
	tap := &Tap{items: map[string]written{}}

	write, index := units(t, tap, `{"Responses":[{},{},{"Error":{"Code":"DuplicateItem"}}]}`, insert("a", 1024), insert("b", 1025), insert("c", 500))
	require.InDelta(t, 1+2+1, write, 0, "1 KB, one byte more, and a duplicate")
	require.InDelta(t, 2, index, 0)

	write, index = units(t, tap, `{"Responses":[{},{},{}]}`,
		update("a", ` SET \"x\"=? SET \"dp\"=? SET \"ds\"=?`, `{"S":"y"}`, `{"S":"b"}`, `{"N":"0"}`),
		update("a", ` SET \"dp\"=? SET \"ds\"=?`, `{"S":"b"}`, `{"N":"1"}`),
		update("b", ` REMOVE \"x\" REMOVE \"dp\" REMOVE \"ds\"`))
	require.InDelta(t, 3, write, 0)
	require.InDelta(t, 0+2+1, index, 0, "kept, changed, removed")
}

func TestTap_CountsReadsOfTheIndexAsReads(t *testing.T) {
	t.Parallel()

	tap := &Tap{items: map[string]written{}}
	query := &http.Request{Header: http.Header{"X-Amz-Target": {"DynamoDB_20120810.Query"}}}
	answer := `{"ConsumedCapacity":{"CapacityUnits":0.5,"GlobalSecondaryIndexes":{"due":{"CapacityUnits":0.5}}}}`
	require.NoError(t, tap.count(&http.Response{Request: query, Body: io.NopCloser(strings.NewReader(answer))}))
	require.Equal(t, Usage{Requests: 1, Read: 0.5}, tap.Reset())

	answer = `{"Items":[],"ConsumedCapacity":{"CapacityUnits":0,"GlobalSecondaryIndexes":{"due":{"CapacityUnits":0}}}}`
	require.NoError(t, tap.count(&http.Response{Request: query, Body: io.NopCloser(strings.NewReader(answer))}))
	require.Equal(t, Usage{Requests: 1, Read: 0.5}, tap.Reset(), "an empty query")
}
