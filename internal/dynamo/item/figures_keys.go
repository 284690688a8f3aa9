package item

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"journeys/internal/analytics"
	"journeys/internal/ident"
)

// ErrFiguresKey means that a key in a partition of figures is of none of their items.
var ErrFiguresKey = errors.New("dynamo: not a key of a journey's figures")

// FiguresRange returns the first and last sort key of a journey's figures from a
// month on, or without closed months if month is "".
func FiguresRange(month string) (first, last string) {
	first, last = PartPrefix, TotalPrefix[:1]+"~"
	if month != "" {
		first = ClosedPrefix + month
	}
	return first, last
}

// ForgottenKey returns the key of the count of forgotten enrollments of a journey.
func ForgottenKey(t ident.Tenant, id ident.ID) Item { return Key(FiguresPK(t, id), ForgottenSK) }

// HeadKey returns the key of the head of a journey's figures.
func HeadKey(t ident.Tenant, id ident.ID) Item { return Key(FiguresPK(t, id), HeadSK) }

// PartKey returns the key of an open part.
func PartKey(k analytics.PartKey) (Item, error) {
	graph, err := GraphText(k.Graph)
	if err != nil {
		return nil, err
	}
	return Key(FiguresPK(k.Tenant, k.Journey), fmt.Sprintf("%s%s#%d#%s", PartPrefix, k.Day, k.Shard, graph)), nil
}

// ParsePartKey parses the key of an open part.
func ParsePartKey(t ident.Tenant, pk, sk string) (analytics.PartKey, error) {
	ulid, ok := strings.CutPrefix(pk, FiguresPK(t, ""))
	parts := strings.Split(sk, "#")
	if !ok || len(parts) != 4 || parts[0]+"#" != PartPrefix {
		return analytics.PartKey{}, ErrFiguresKey
	}
	partShard, errShard := strconv.Atoi(parts[2])
	graph, errGraph := GraphHash(parts[3])
	return analytics.PartKey{
		Tenant: t, Journey: JourneyID(ulid), Day: analytics.Day(parts[1]), Shard: partShard, Graph: graph,
	}, errors.Join(errShard, errGraph)
}

// TotalKey returns the key of a total. Like ClosedKey and RepairKey, it takes a graph in
// the form of GraphText.
func TotalKey(k analytics.JourneyKey, graph string) Item {
	return Key(FiguresPK(k.Tenant, k.Journey), TotalPrefix+graph)
}

// ClosedKey returns the key of a closed month.
func ClosedKey(k analytics.JourneyKey, month, graph string) Item {
	return Key(FiguresPK(k.Tenant, k.Journey), ClosedPrefix+month+"#"+graph)
}

// RepairKey returns the key of a repair.
func RepairKey(k analytics.JourneyKey, day analytics.Day, graph string) Item {
	return Key(FiguresPK(k.Tenant, k.Journey), RepairPrefix+string(day)+"#"+graph)
}

// ParseFiguresSK returns the period, "" for none, and the graph's hash in the sort
// key of a closed month, a repair or a total.
func ParseFiguresSK(sk string) (period, hash string, err error) {
	parts := strings.Split(sk, "#")
	if len(parts) > 2 {
		period = parts[1]
	}
	if hash, err = GraphHash(parts[len(parts)-1]); err != nil {
		return "", "", fmt.Errorf("dynamo: figures without a graph: %w", err)
	}
	return period, hash, nil
}
