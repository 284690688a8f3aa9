package consent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/consent"
)

func TestOneAddress_TakesNoNamesAndNoLists(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		attribute, want string
		texts           []string
	}{
		{"email", "Ada.L+news@Example.com", []string{"Ada.L+news@Example.com", "\tAda.L+news@Example.com\n"}},
		{"email", "jörg@bücher.example", []string{"jörg@bücher.example"}},
		{"email", "ada@localhost", []string{"ada@localhost"}},
		{"email", "", []string{
			"", " ", "ada", "@", "ada@", "@example.com", "ada@@example.com", "ada@example.com.", "ada@.example.com",
			"Dee <dee@example.com>", "<dee@example.com>", "dee@example.com,ada@example.com", "dee@example.com;ada@example.com",
			"dee@example.com ada@example.com", "mailto:dee@example.com", `"dee"@example.com`, "dee@example.com (work)", "dee@[127.0.0.1]",
			"dee@example.com\r\nBcc: ada@example.com", "dee\u037eada@example.com", "dee\u200b@example.com", `dee\@x@example.com`,
		}},
		{"phone", "+4917012345678", []string{"+4917012345678", "+49 170 1234-5678", " +49/(170) 12345678", "\u202a+49\u00a017012345678\u202c", "0049 170 12345678"}},
		{"phone", "2065550100", []string{"206-555-0100", "(206) 555.0100", "206\u2013555\u20130100"}},
		{"phone", "", []string{"", "+", "unknown", "12", "+123456", "+1234567890123456", "+49170123456+7", "+4917012345678 x2", "ada@example.com", "+4917012345678,+4917012345679"}},
		{"device", "A<b>, c", []string{" A<b>, c "}},
		{"device", "", []string{" "}},
	} {
		for _, text := range test.texts {
			got := consent.OneAddress(test.attribute, text)
			require.Equal(t, test.want, got, "%s %q", test.attribute, text)
			require.Equal(t, got, consent.OneAddress(test.attribute, got), "%s %q again", test.attribute, text)
		}
	}
}
