package message_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"journeys/internal/ident"
	"journeys/internal/message"
)

func TestID_DiffersByEachPart(t *testing.T) {
	t.Parallel()

	a, _ := ident.ParseTenant("a")
	b, _ := ident.ParseTenant("b")
	request := ident.RequestID{1}
	seen := map[message.ID]bool{
		message.NewID(a, "jrn_1", "c", 1, 2, request):             true,
		message.NewID(b, "jrn_1", "c", 1, 2, request):             true,
		message.NewID(a, "jrn_2", "c", 1, 2, request):             true,
		message.NewID(a, "jrn_1", "d", 1, 2, request):             true,
		message.NewID(a, "jrn_1", "c", 2, 2, request):             true,
		message.NewID(a, "jrn_1", "c", 1, 3, request):             true,
		message.NewID(a, "jrn_1", "c", 12, 3, request):            true,
		message.NewID(a, "jrn_1", "c", 1, 23, request):            true,
		message.NewID(a, "jrn_1", "c", 1, 2, ident.RequestID{2}):  true,
		message.NewID(a, "jrn_1c", "", 1, 2, ident.RequestID{2}):  true,
		message.NewID(a, "jrn_1", "c1", 1, 2, ident.RequestID{2}): true,
	}
	require.Len(t, seen, 11)
}

func TestID_HasOneText(t *testing.T) {
	t.Parallel()

	tenant, _ := ident.ParseTenant("a")
	id := message.NewID(tenant, "jrn_1", "c", 1, 2, ident.RequestID{1})
	require.Len(t, id.String(), 22)
	parsed, ok := message.ParseID(id.String())
	require.True(t, ok)
	require.Equal(t, id, parsed)
	for _, text := range []string{"", id.String()[1:], id.String() + "A", id.String() + "=", id.String()[:21] + "B", "!" + id.String()[1:]} {
		_, ok := message.ParseID(text)
		require.False(t, ok, text)
	}
}

func TestExpiry_OfAMessageWithATopicIsLater(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	require.Equal(t, now.AddDate(0, 0, 90), message.Expiry("", now))
	require.Equal(t, now.AddDate(0, 0, 730), message.Expiry("news", now))
}
