package item

import (
	"fmt"
	"strconv"
	"strings"

	"journeys/internal/ident"
)

// DefinitionsPK returns the partition of what is stored beside a journey.
func DefinitionsPK(t ident.Tenant, id ident.ID) string { return JourneysPK(t) + "#" + ULIDOf(id) }

// DefinitionKey returns the key of a journey's graph and settings.
func DefinitionKey(t ident.Tenant, id ident.ID, hash string) Item {
	return Key(DefinitionsPK(t, id), DefinitionPrefix+hash)
}

// AppearanceKey returns the key of a definition as it was last sent under a version.
func AppearanceKey(t ident.Tenant, id ident.ID, version int) Item {
	return Key(DefinitionsPK(t, id), appearancePrefix+strconv.Itoa(version))
}

// TextKey returns the key of a journey's text.
func TextKey(t ident.Tenant, id ident.ID) Item { return Key(DefinitionsPK(t, id), textSK) }

// DraftKey returns the key of a journey's draft.
func DraftKey(t ident.Tenant, id ident.ID) Item { return Key(DefinitionsPK(t, id), "D") }

// VersionKey returns the key of a version of a journey.
func VersionKey(t ident.Tenant, id ident.ID, version int) Item {
	return Key(DefinitionsPK(t, id), fmt.Sprintf("%s%09d", VersionPrefix, version))
}

// HistoryKey returns the key of the write that gave a journey that revision.
func HistoryKey(t ident.Tenant, id ident.ID, rev int64) Item {
	return Key(DefinitionsPK(t, id), fmt.Sprintf("%s%019d", HistoryPrefix, rev))
}

// ParseRecordSK returns the number in the sort key of a version or a history entry.
func ParseRecordSK(sk string) (int64, error) {
	_, number, _ := strings.Cut(sk, "#")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("dynamo: no number in %q", sk)
	}
	return n, nil
}
