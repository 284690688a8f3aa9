package e2e

import (
	"flag"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var gatewayFlag = flag.String("gateway", "", "the gateway at -url, where it is known to differ from an HTTP API: ministack or sam")

// differences are, by gateway, calls that the gateway changes before a function
// sees them, and the status that they get so. A call that is answered otherwise
// fails, also when it is answered as it should be.
var differences = map[string]map[string]int{
	// It puts U+FFFD in the place of what is not UTF-8.
	"ministack": {"PUT /journeys/{id} {\"name\":\"\xff\"}": 200},
	// It reads every body as UTF-8, and fails where it is none. Besides, it
	// answers 403 where there is no route, and keeps the case of headers' names.
	"sam": {"PUT /journeys/{id} {\"name\":\"\xff\"}": 502},
}

// difference returns the status of a bad call that is known to differ.
func (b bad) difference() (status int, known bool) {
	status, known = differences[*gatewayFlag][b.String()]
	return status, known
}

func (b bad) String() string { return b.method + " " + b.path + " " + b.body }

func TestEachKnownDifferenceIsOfACallThatIsMade(t *testing.T) {
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
