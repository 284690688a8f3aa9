package provider

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// allowance is what the settings allow beyond public addresses over https.
type allowance struct {
	all    bool            // every private address
	hosts  map[string]bool // these names, at whatever private address
	ranges []netip.Prefix  // these addresses
}

// forbiddenError is an address that the settings do not let be called.
type forbiddenError struct {
	ip  netip.Addr
	why string
}

// Error names the address and why it is refused.
func (e *forbiddenError) Error() string { return e.ip.String() + " is refused: " + e.why }

// guardedDial returns a dialer for u that looks at the address of each
// connection after its name is resolved, just before connecting to it.
func guardedDial(
	u *url.URL, a allowance, resolver *net.Resolver,
) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{
		Resolver: resolver,
		Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return errors.New("a connection to something else than an address and port")
			}
			return a.check(u, at.Addr())
		},
	}
	return dialer.DialContext
}

// check returns a *forbiddenError unless u may be called at ip.
func (a allowance) check(u *url.URL, ip netip.Addr) error {
	ip = plain(ip)
	for _, r := range a.ranges {
		if r.Contains(ip) {
			return nil
		}
	}
	kind, private := classify(ip)
	switch {
	case kind == "" && u.Scheme == "https":
		return nil
	case kind == "":
		return &forbiddenError{ip, "a public address is called by https only"}
	case private && (a.all || a.hosts[u.Hostname()]):
		return nil
	}
	return &forbiddenError{ip, kind + " address that the settings do not allow"}
}

// checkURL is check for what can be known before the name is resolved.
func (a allowance) checkURL(u *url.URL) error {
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		return a.check(u, ip)
	}
	if isNumber(host[strings.LastIndexByte(host, '.')+1:]) {
		return errors.New("must not have an address in another form than the usual one")
	}
	if u.Scheme == "http" && !a.all && !a.hosts[host] && len(a.ranges) == 0 {
		return errors.New("must be https, unless allowPrivate allows its host")
	}
	return nil
}

// isNumber reports whether some resolvers take a name that ends in this label
// for an IPv4 address: 2130706433, 127.1, 0177.0.0.1, 0x7f.0.0.1.
func isNumber(label string) bool {
	digits, hex := strings.CutPrefix(strings.ToLower(label), "0x")
	if hex && digits == "" {
		return true
	}
	base := 10
	if hex {
		base = 16
	}
	_, err := strconv.ParseUint(digits, base, 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

// nat64 is where translators to IPv4 are, with the address in the last 4 bytes.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// plain returns the IPv4 address that ip leads to, or ip without its zone.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		bytes := ip.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return ip
}

// special is a range of addresses that are no public hosts. Only those that
// are private are allowed by allowing a host or all; the others, behind which
// are the credentials of the machine or nobody at all, by their range alone.
type special struct {
	prefix  netip.Prefix
	kind    string
	private bool
}

// specials are from IANA's registries of special-purpose addresses; the first
// that holds an address counts.
var specials = []special{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified", false},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private", true},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's private", true},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback", true},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local", false}, // 169.254.169.254: the cloud's metadata
	{netip.MustParsePrefix("172.16.0.0/12"), "a private", true},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved", false},
	{netip.MustParsePrefix("192.0.2.0/24"), "a reserved", false},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved", false},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private", true},
	{netip.MustParsePrefix("198.18.0.0/15"), "a reserved", false},
	{netip.MustParsePrefix("198.51.100.0/24"), "a reserved", false},
	{netip.MustParsePrefix("203.0.113.0/24"), "a reserved", false},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast", false},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved", false},
	{netip.MustParsePrefix("::/128"), "an unspecified", false},
	{netip.MustParsePrefix("::1/128"), "a loopback", true},
	{netip.MustParsePrefix("fd00:ec2::/32"), "a link-local", false}, // EC2's metadata, inside the private range
	{netip.MustParsePrefix("fc00::/7"), "a private", true},
	{netip.MustParsePrefix("fe80::/10"), "a link-local", false},
	{netip.MustParsePrefix("ff00::/8"), "a multicast", false},
	{netip.MustParsePrefix("2001::/23"), "a reserved", false}, // Teredo among them
	{netip.MustParsePrefix("2001:db8::/32"), "a reserved", false},
	{netip.MustParsePrefix("2002::/16"), "a reserved", false}, // 6to4
	{netip.MustParsePrefix("3fff::/20"), "a reserved", false},
	{netip.MustParsePrefix("2000::/3"), "", false}, // what else is here is public
	{netip.MustParsePrefix("::/0"), "a reserved", false},
}

// classify returns what kind of address ip is, "" for a public one.
func classify(ip netip.Addr) (kind string, private bool) {
	for _, s := range specials {
		if s.prefix.Contains(ip) {
			return s.kind, s.private
		}
	}
	return "", false
}

// parseRange reads one address, or a CIDR range; false for anything else.
func parseRange(text string) (netip.Prefix, bool) {
	if ip, err := netip.ParseAddr(text); err == nil {
		ip = plain(ip)
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	// What a mapped range means, its bits do not tell.
	return prefix, err == nil && prefix == prefix.Masked() && !prefix.Addr().Is4In6()
}
