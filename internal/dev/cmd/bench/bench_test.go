package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// units returns the tap's units for a batch of statements and its answer.
func units(t *testing.T, tap *tap, answer string, statements ...string) (write, index float64) {
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
	tap := &tap{items: map[string]written{}}

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

	tap := &tap{items: map[string]written{}}
	query := &http.Request{Header: http.Header{"X-Amz-Target": {"DynamoDB_20120810.Query"}}}
	answer := `{"ConsumedCapacity":{"CapacityUnits":0.5,"GlobalSecondaryIndexes":{"due":{"CapacityUnits":0.5}}}}`
	require.NoError(t, tap.count(&http.Response{Request: query, Body: io.NopCloser(strings.NewReader(answer))}))
	require.Equal(t, usage{requests: 1, read: 0.5}, tap.reset())

	answer = `{"Items":[],"ConsumedCapacity":{"CapacityUnits":0,"GlobalSecondaryIndexes":{"due":{"CapacityUnits":0}}}}`
	require.NoError(t, tap.count(&http.Response{Request: query, Body: io.NopCloser(strings.NewReader(answer))}))
	require.Equal(t, usage{requests: 1, read: 0.5}, tap.reset(), "an empty query")
}

func TestTable_ShowsMissedFloors(t *testing.T) {
	t.Parallel()

	rows := []row{
		{what: "requests", measured: 1041, floor: atMost(1041)},
		{what: "start", measured: 2.25, unit: "x", floor: atMost(1.5), why: "It connects."},
		{what: "rate", measured: 2, floor: atLeast(1)},
		{what: "size", measured: 11.6, unit: " MB"},
	}
	require.Equal(t, ""+
		"| what     | measured | floor         | ok     |\n"+
		"| -------- | -------: | ------------- | ------ |\n"+
		"| requests |    1,041 | at most 1,041 | yes    |\n"+
		"| start    |    2.25x | at most 1.50x | **no** |\n"+
		"| rate     |        2 | at least 1    | yes    |\n"+
		"| size     | 11.60 MB | -             | -      |\n", tableOf(rows))
	require.Equal(t, []int{3, 2}, []int{floors(rows), held(rows)})
	require.Contains(t, pageOf("", "", rows, ""), "## Missed floors\n\n- start: by 50 %. It connects.\n")
}

func TestStartRows_ShowTheWorstAndCheckAll(t *testing.T) {
	t.Parallel()

	require.Equal(t, ""+
		"| what                                    | measured | floor         | ok  |\n"+
		"| --------------------------------------- | -------: | ------------- | --- |\n"+
		"| size for arm64, worst of 2 functions: b |    11 MB | at most 12 MB | yes |\n"+
		"| size for arm64, advance                 | 14.50 MB | at most 15 MB | yes |\n",
		tableOf(sizeRows("size for arm64", map[string]float64{"a": 10, "advance": 14.5, "b": 11})))

	rows := startRows([]startFigures{
		{"advance", 14.5, 1.3, 4, 1},
		{"count", 11, 1.2, 3, 1.6},
		{"tick", 12.5, 1.4, 5, 1.75},
	})
	require.Equal(t, ""+
		"| what                                                      | measured | floor         | ok     |\n"+
		"| --------------------------------------------------------- | -------: | ------------- | ------ |\n"+
		"| size, of an empty function's, worst of 3 functions: tick  |    1.40x | -             | -      |\n"+
		"| start, worst of 3 functions: tick                         |     5 ms | -             | -      |\n"+
		"| start, of an empty function's, worst of 3 functions: tick |    1.75x | at most 1.50x | **no** |\n", tableOf(rows))
	require.Equal(t, []int{6, 3}, []int{floors(rows), held(rows)}, "the size of tick and the starts of count and tick miss theirs")
	require.Equal(t, "size, worst of 2 functions: tick", rows[1].what)
	require.Equal(t, atMost(maxAdvanceSizeMB), rows[2].floor)
	require.Contains(t, pageOf("", "", rows, ""), "- count: start, of an empty function's: by 7 %. "+startNote+"\n")
}

// traces is output of `go tool pprof -traces`.
const traces = `File: bench
Type: cpu
Duration: 1s, Total samples = 60ms ( 6.00%)
-----------+-------------------------------------------------------
      part:  tap
      10ms   encoding/json.Unmarshal
             main.(*tap).count
-----------+-------------------------------------------------------
      20ms   runtime.mallocgc
             strings.(*Builder).Grow
             journeys/internal/dynamo.(*Store).updateStatement
             journeys/internal/engine.(*Engine).Advance
-----------+-------------------------------------------------------
     1.5ms   internal/runtime/syscall.Syscall6
             net/http.(*persistConn).writeLoop
-----------+-------------------------------------------------------
       5ms   runtime.scanobject
             runtime.gcAssistAlloc
             journeys/internal/journey.(*Graph).Step
-----------+-------------------------------------------------------
       2ms   runtime.futex
-----------+-------------------------------------------------------
`

func TestProfile_CountsSamplesForTheInnermostClass(t *testing.T) {
	t.Parallel()

	list, err := shares([]byte(traces))
	require.NoError(t, err)
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	require.Equal(t, []share{
		{"the store: items and statements", ms(20)}, {classTap, ms(10)}, {"the garbage collector", ms(5)},
		{classRest, ms(2)}, {"HTTP and the network", ms(1.5)},
	}, list)
}
