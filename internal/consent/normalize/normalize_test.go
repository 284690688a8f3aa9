package normalize_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent/normalize"
)

func TestAddress_HasOneSpelling(t *testing.T) {
	t.Parallel()
	for _, same := range []struct {
		attribute, want string
		spellings       []string
	}{
		{"email", "ada.l+news@example.com", []string{"Ada.L+News@EXAMPLE.com", "\tada.l+news@example.com \n"}},
		{"email", "jörg@xn--bcher-kva.example", []string{
			"Jörg@bücher.example", "jo\u0308rg@bu\u0308cher.example", "JÖRG@BÜCHER.EXAMPLE", "jörg@xn--bcher-kva.example", "JÖRG@XN--BCHER-KVA.example",
		}},
		{"email", "i@xn--fa-hia.example", []string{"İ@faß.example", "I\u0307@faß.example", "i@faß.example"}},
		{"email", "a@example.com", []string{"a@ｅｘａｍｐｌｅ。com", "a@example.com"}},
		{"email", "a@under_score.example", []string{"A@Under_Score.example"}},
		{"email", "a@-", []string{"A@-"}},
		{"email", "", []string{"", "  ", "nobody", "A\u037eB@example.com"}},
		{"phone", "+4917012345678", []string{"+49 170 1234-5678", "4917012345678", " +49/(170) 12345678", "0049 170 12345678", "\u202a+49\u00a017012345678\u202c"}},
		{"phone", "", []string{"", "+", "unknown"}},
		{"device", "AbC", []string{" AbC "}},
	} {
		for _, spelling := range same.spellings {
			require.Equal(t, same.want, normalize.Address(same.attribute, spelling), spelling)
		}
	}
}

// FuzzAddress checks that a normal address is its own normal spelling, in which lookups
// of people and of code must meet.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"Ada@Example.com", "İ@BÜCHER.example", "\u212a@\u2126.example", "a@xn--a", "ǅ@ŉ.example", "\u0345a@\u1f80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if !utf8.ValidString(address) {
			return // no request and no profile holds one
		}
		for _, attribute := range []string{"email", "phone", "device"} {
			normal := normalize.Address(attribute, address)
			require.Equal(t, normal, normalize.Address(attribute, normal), "%q", address)
			if attribute == "email" && !strings.ContainsFunc(address, func(r rune) bool { return r >= utf8.RuneSelf }) {
				require.Equal(t, normal, normalize.Address(attribute, strings.ToUpper(address)), "%q", address)
			}
		}
	})
}
