package provider

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"journeys/internal/catalog"
	"journeys/internal/graph"
	"journeys/internal/trail"
)

func TestClassify_KnowsSpecialAddresses(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		kind    string
		private bool
	}{
		"8.8.8.8":                  {"", false},
		"1.1.1.1":                  {"", false},
		"100.63.255.255":           {"", false},
		"100.128.0.0":              {"", false},
		"172.15.255.255":           {"", false},
		"172.32.0.0":               {"", false},
		"223.255.255.255":          {"", false},
		"2600::1":                  {"", false},
		"2a00:1450:4001::1":        {"", false},
		"::ffff:8.8.8.8":           {"", false},
		"64:ff9b::808:808":         {"", false},
		"0.0.0.0":                  {"an unspecified", false},
		"0.1.2.3":                  {"an unspecified", false},
		"10.0.0.0":                 {"a private", true},
		"10.255.255.255":           {"a private", true},
		"172.16.0.0":               {"a private", true},
		"172.31.255.255":           {"a private", true},
		"192.168.1.1":              {"a private", true},
		"100.64.0.0":               {"a carrier's private", true},
		"100.127.255.255":          {"a carrier's private", true},
		"127.0.0.1":                {"a loopback", true},
		"127.255.255.255":          {"a loopback", true},
		"169.254.169.254":          {"a link-local", false},
		"169.254.170.2":            {"a link-local", false},
		"192.0.0.170":              {"a reserved", false},
		"198.19.0.1":               {"a reserved", false},
		"203.0.113.1":              {"a reserved", false},
		"224.0.0.1":                {"a multicast", false},
		"239.255.255.255":          {"a multicast", false},
		"255.255.255.255":          {"a reserved", false},
		"::":                       {"an unspecified", false},
		"::1":                      {"a loopback", true},
		"::127.0.0.1":              {"a reserved", false},
		"::ffff:127.0.0.1":         {"a loopback", true},
		"::ffff:10.0.0.1":          {"a private", true},
		"::ffff:169.254.169.254":   {"a link-local", false},
		"::ffff:0:127.0.0.1":       {"a reserved", false},
		"64:ff9b::10.0.0.1":        {"a private", true},
		"64:ff9b::169.254.169.254": {"a link-local", false},
		"64:ff9b:1::10.0.0.1":      {"a reserved", false},
		"2002:7f00:1::":            {"a reserved", false},
		"2001:0:7f00:1::":          {"a reserved", false},
		"2001:db8::1":              {"a reserved", false},
		"fc00::1":                  {"a private", true},
		"fdff::1":                  {"a private", true},
		"fd00:ec2::254":            {"a link-local", false},
		"fe80::1":                  {"a link-local", false},
		"fe80::1%eth0":             {"a link-local", false},
		"fec0::1":                  {"a reserved", false},
		"ff02::1":                  {"a multicast", false},
		"4000::1":                  {"a reserved", false},
	}
	for address, test := range tests {
		kind, private := classify(unwrap(netip.MustParseAddr(address)))
		require.Equal(t, test.kind, kind, address)
		require.Equal(t, test.private, private, address)
	}
}

func TestAllowance_ChecksAddresses(t *testing.T) {
	t.Parallel()

	const list = `["crm.internal", "127.0.0.1", "10.1.0.0/16", "169.254.170.2", "fd12::/16"]`
	tests := map[string]struct {
		allow, url, ip string
		want           bool
	}{
		"a public address over https":                 {`false`, "https://a.test", "8.8.8.8", true},
		"a public address over http":                  {`true`, "http://a.test", "8.8.8.8", false},
		"a public address by http under a host":       {list, "http://crm.internal", "8.8.8.8", false},
		"a private address":                           {`false`, "https://a.test", "10.1.2.3", false},
		"a private address, all allowed":              {`true`, "http://a.test", "10.1.2.3", true},
		"a loopback address, all allowed":             {`true`, "http://a.test", "127.9.9.9", true},
		"the metadata address, all allowed":           {`true`, "http://a.test", "169.254.169.254", false},
		"a private address of an allowed host":        {list, "http://crm.internal", "192.168.1.1", true},
		"the metadata address of an allowed host":     {list, "http://crm.internal", "169.254.169.254", false},
		"a private address of another host":           {list, "http://a.test", "192.168.1.1", false},
		"an address in an allowed range":              {list, "http://a.test", "10.1.255.255", true},
		"an address in an allowed range, mapped":      {list, "http://a.test", "::ffff:10.1.0.1", true},
		"an address in an allowed range, by NAT64":    {list, "http://a.test", "64:ff9b::10.1.0.1", true},
		"an address beside an allowed range":          {list, "http://a.test", "10.2.0.0", false},
		"an allowed address":                          {list, "http://a.test", "127.0.0.1", true},
		"an address beside an allowed one":            {list, "http://a.test", "127.0.0.2", false},
		"an allowed link-local address":               {list, "http://a.test", "169.254.170.2", true},
		"an address in an allowed range of version 6": {list, "http://a.test", "fd12::1", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s, err := ParseSettings([]byte(`{"allowPrivate": ` + test.allow + `}`))
			require.NoError(t, err)
			u, err := url.Parse(test.url)
			require.NoError(t, err)
			err = s.allowed.check(u, netip.MustParseAddr(test.ip))
			require.Equal(t, test.want, err == nil, err)
		})
	}
}

// resolver returns a resolver that knows only these names.
func resolver(names map[string][]string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			for {
				var size [2]byte
				if _, err := io.ReadFull(server, size[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(server, query); err != nil {
					return
				}
				reply := answerQuery(query, names)
				_, _ = server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
			}
		}()
		return client, nil
	}}
}

// answerQuery answers one DNS query (RFC 1035) for A or AAAA records.
func answerQuery(query []byte, names map[string][]string) []byte {
	var labels []string
	at := 12
	for query[at] != 0 {
		end := at + 1 + int(query[at])
		labels = append(labels, string(query[at+1:end]))
		at = end
	}
	kind := binary.BigEndian.Uint16(query[at+1:])
	reply := append([]byte{}, query[:at+5]...)
	copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer; one question
	for _, text := range names[strings.Join(labels, ".")] {
		ip := netip.MustParseAddr(text)
		if ip.Is4() != (kind == 1) || ip.Is6() != (kind == 28) {
			continue
		}
		reply[7]++
		reply = append(reply, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(ip.BitLen()/8))
		reply = append(reply, ip.AsSlice()...)
	}
	return reply
}

func TestGuard_ChecksResolvedAddresses(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, status(http.StatusOK))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
	require.NoError(t, err)
	names := resolver(map[string][]string{
		"loopback.test": {"127.0.0.1"},
		"mapped.test":   {"::ffff:127.0.0.1"},
		"several.test":  {"10.0.0.1", "127.0.0.1", "::1"},
		"metadata.test": {"169.254.169.254"},
		"ec2.test":      {"fd00:ec2::254"},
		"public.test":   {"8.8.8.8"},
		"crm.internal":  {"127.0.0.1"},
		"0x7f000001":    {"127.0.0.1"},
	})
	const loopback = "127.0.0.1 is refused: a loopback address that the settings do not allow"
	const metadata = "169.254.169.254 is refused: a link-local address that the settings do not allow"
	tests := map[string]struct{ scheme, host, allow, want string }{
		"a name of this machine":                      {"https", "loopback.test", `false`, loopback},
		"a name of this machine, by the system":       {"https", "localhost", `false`, "is refused: a loopback address"},
		"an address mapped into version 6":            {"https", "mapped.test", `false`, loopback},
		"a name of several addresses":                 {"https", "several.test", `false`, "is refused: a"},
		"a name of the metadata service":              {"https", "metadata.test", `false`, metadata},
		"the same when private ones are allowed":      {"http", "metadata.test", `true`, metadata},
		"the same in version 6":                       {"http", "ec2.test", `true`, "fd00:ec2::254 is refused: a link-local"},
		"another host than the one that is allowed":   {"https", "loopback.test", `["crm.internal"]`, loopback},
		"a public name over http":                     {"http", "public.test", `true`, "8.8.8.8 is refused: a public address is called by https only"},
		"an address in hexadecimal":                   {"https", "0x7f000001", `false`, loopback},
		"a name without an address":                   {"https", "unknown.test", `false`, "no such host"},
		"a host that is allowed":                      {"http", "crm.internal", `["crm.internal"]`, ""},
		"a host whose address is in an allowed range": {"http", "loopback.test", `["127.0.0.0/8"]`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := ParseSettings([]byte(`{"allowPrivate": ` + test.allow + `}`))
			require.NoError(t, err)
			u, err := url.Parse(fmt.Sprintf("%s://%s:%s/", test.scheme, test.host, port))
			require.NoError(t, err)
			s.channels["*"], s.catalog.Channels["*"] = channel{target: &target{url: u}}, catalog.Entry{}
			p := New(s, at(start), Network{Resolver: names})
			result, err := p.Send(t.Context(), newMessage(t, graph.ActionConfig{Channel: "push"}))
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, trail.Sent, result.Result)
				<-requests
				return
			}
			require.ErrorContains(t, err, test.want)
			require.Empty(t, requests)
		})
	}
}

func TestGuard_ChecksEachConnection(t *testing.T) {
	t.Parallel()

	address, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
	require.NoError(t, err)
	names := map[string][]string{"moves.test": {"127.0.0.1"}}
	s, err := ParseSettings(fmt.Appendf(nil, `{"allowPrivate": ["127.0.0.1"],
		"channels": {"*": {"type": "inbox", "url": "http://moves.test:%s"}}}`, port))
	require.NoError(t, err)
	p := New(s, at(start), Network{Resolver: resolver(names)})
	m := newMessage(t, graph.ActionConfig{Channel: "push"})
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err)
	require.Len(t, requests, 1)

	names["moves.test"] = []string{"127.0.0.2"}
	_, err = p.Send(t.Context(), m)
	require.EqualError(t, err, `channel "push": 127.0.0.2 is refused: a loopback address that the settings do not allow`)
	require.Len(t, requests, 1)
}
