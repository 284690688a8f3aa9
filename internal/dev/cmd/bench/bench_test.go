package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
		"| size for arm64, advance                 | 14.50 MB | at most 15 MB | yes |\n"+
		"| size for arm64, send-test               |    14 MB | at most 15 MB | yes |\n",
		tableOf(sizeRows("size for arm64", map[string]float64{"a": 10, "advance": 14.5, "b": 11, "send-test": 14})))

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
	require.Contains(t, startTable([]startFigures{{"put-event", 11.52, 1.4, 5.678, 1.02}}),
		"| put-event                 | 11.5 MB |  5.68 ms |                  1.02x |\n")
	require.Equal(t, []int{6, 3}, []int{floors(rows), held(rows)}, "the size of tick and the starts of count and tick miss theirs")
	require.Equal(t, "size, worst of 2 functions: tick", rows[1].what)
	require.Equal(t, atMost(maxSenderSizeMB), rows[2].floor)
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
