package e2e

import (
	"flag"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var gatewayFlag = flag.String("gateway", "", "the gateway at -url if it is known to differ from an HTTP API: ministack or sam")

// differences are the calls that a gateway is known to answer wrongly, with the
// status. Tests fail on any other status, the right one included.
var differences = map[string]map[string]int{
	// It replaces invalid UTF-8 by U+FFFD.
	"ministack": {"PUT /journeys/{id} {\"name\":\"\xff\"}": 200},
	// It fails on bodies that are not UTF-8. It also answers 403 where there is no
	// route, and keeps the case of header names.
	"sam": {"PUT /journeys/{id} {\"name\":\"\xff\"}": 502},
}

// difference returns the status of a call that the gateway is known to answer
// wrongly.
func (b badCall) difference() (status int, known bool) {
	status, known = differences[*gatewayFlag][b.String()]
	return status, known
}

// String returns the call as in differences.
func (b badCall) String() string { return b.method + " " + b.path + " " + b.body }

func TestGateways_DifferencesAreOfCallsThatAreMade(t *testing.T) {
	t.Parallel()

	var made []string
	for _, rows := range invalid {
		for _, row := range rows {
			made = append(made, row.String())
		}
	}
	for gateway, calls := range differences {
		for call := range calls {
			require.True(t, slices.Contains(made, call), "%s: %s", gateway, call)
		}
	}
	if *gatewayFlag != "" {
		require.Contains(t, differences, *gatewayFlag)
	}
}
