package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCatalog_FindsWhatATenantMayUse(t *testing.T) {
	t.Parallel()
	own, others, all := Entry{Tenants: []string{"acme"}}, Entry{Tenants: []string{"umbrella", "Acme"}}, Entry{}
	for name, c := range map[string]struct {
		list List
		want string // "" for none
	}{
		"nothing":                          {nil, ""},
		"its own":                          {List{"push": own}, "push"},
		"one of all":                       {List{"push": all}, "push"},
		"one of others":                    {List{"push": others}, ""},
		"one of others, a default":         {List{"push": others, "*": all}, "*"},
		"one of others, their default":     {List{"push": others, "*": others}, ""},
		"its own before the default":       {List{"push": own, "*": all}, "push"},
		"another name, a default":          {List{"mail": all, "*": own}, "*"},
		"another name, no default":         {List{"mail": all}, ""},
		"one for a list without a tenant":  {List{"push": {Tenants: []string{}}}, ""},
		"a default for others, one of all": {List{"push": all, "*": others}, "push"},
	} {
		found, ok := c.list.Find("push", "acme")
		require.Equal(t, c.want, found, name)
		require.Equal(t, c.want != "", ok, name)
	}
}

func TestCatalog_KnowsTheAddressOfAChannel(t *testing.T) {
	t.Parallel()
	c := Catalog{Channels: List{
		"newsletter": {Kind: "ses", Address: "email"},
		"alerts":     {Kind: "sns", Address: "phone", Tenants: []string{"acme"}},
		"email":      {Kind: "sns", Address: "phone"},
		"*":          {Kind: "http"},
	}}
	for channel, want := range map[string]string{
		"newsletter": "email", "alerts": "phone", "email": "phone", "sms": "phone", "push": "", "*": "",
	} {
		require.Equal(t, want, c.Address(channel, "acme"), channel)
	}
	require.Empty(t, c.Address("alerts", "umbrella"), "they use the default")
	require.Equal(t, "email", Catalog{}.Address("email", "acme"), "by its name")
}

func TestCatalog_IsParsedFromItsText(t *testing.T) {
	t.Parallel()
	c := Catalog{
		Channels:  List{"email": {Kind: "ses", Address: "email", Tenants: []string{"acme"}}, "*": {Kind: "http"}},
		Decisions: List{"best": {Kind: "lambda"}},
	}
	require.Equal(t, `{"channels":{"*":{"type":"http"},"email":{"type":"ses","address":"email","tenants":["acme"]}},`+
		`"decisions":{"best":{"type":"lambda"}}}`, c.Text())
	parsed, err := Parse(c.Text())
	require.NoError(t, err)
	require.Equal(t, c, parsed)

	require.Equal(t, "{}", Catalog{}.Text())
	parsed, err = Parse("{}")
	require.NoError(t, err)
	require.Zero(t, parsed)
	for _, text := range []string{"", "[]", `{"channels":[]}`, `{"channels":{"a":{"type":"http","url":"x"}}}`} {
		_, err := Parse(text)
		require.Error(t, err, text)
	}
}
