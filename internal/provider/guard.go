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

// allowance is what the settings allow, besides public addresses over https.
type allowance struct {
	all    bool            // every private address
	hosts  map[string]bool // these names, at any private address
	ranges []netip.Prefix  // these addresses
}

// forbiddenError is the error of an address that the settings do not allow.
type forbiddenError struct {
	ip  netip.Addr
	why string
}

func (e *forbiddenError) Error() string { return e.ip.String() + " is refused: " + e.why }

// guardedDial returns a dialer for u that checks the address of each connection
// after its name is resolved, just before it connects.
func guardedDial(
	u *url.URL, a allowance, resolver *net.Resolver,
) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{
		Resolver: resolver,
		Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return errors.New("a connection to something other than an address and port")
			}
			return a.check(u, at.Addr())
		},
	}
	return dialer.DialContext
}

// check returns a *forbiddenError unless the settings allow calling u at ip.
func (a allowance) check(u *url.URL, ip netip.Addr) error {
	ip = unwrap(ip)
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

// checkURL returns the errors of check that can be known before the name is
// resolved.
func (a allowance) checkURL(u *url.URL) error {
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		return a.check(u, ip)
	}
	if isNumber(host[strings.LastIndexByte(host, '.')+1:]) {
		return errors.New("must not have an address in an unusual form")
	}
	if u.Scheme == "http" && !a.all && !a.hosts[host] && len(a.ranges) == 0 {
		return errors.New("must be https, unless allowPrivate allows its host")
	}
	return nil
}

// isNumber reports whether some resolvers parse a name that ends in this label as
// an IPv4 address: 2130706433, 127.1, 0177.0.0.1, 0x7f.0.0.1.
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

// nat64 is the range of translators to IPv4; the last 4 bytes are the address.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// unwrap returns the IPv4 address that ip maps or translates to, otherwise ip
// without its zone.
func unwrap(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		bytes := ip.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return ip
}

// special is a range of addresses that are not public hosts. Allowing a host, or
// all, allows only the private ones. The others lead to the machine's credentials
// or to no host at all, and can only be allowed by a range.
type special struct {
	prefix  netip.Prefix
	kind    string
	private bool
}

// specials are the ranges of IANA's registries of special-purpose addresses. The
// first range that contains an address decides.
var specials = []special{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified", false},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private", true},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's private", true},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback", true},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local", false}, // contains 169.254.169.254, the cloud's metadata service
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
	{netip.MustParsePrefix("fd00:ec2::/32"), "a link-local", false}, // contains EC2's metadata service, in the private range
	{netip.MustParsePrefix("fc00::/7"), "a private", true},
	{netip.MustParsePrefix("fe80::/10"), "a link-local", false},
	{netip.MustParsePrefix("ff00::/8"), "a multicast", false},
	{netip.MustParsePrefix("2001::/23"), "a reserved", false}, // contains Teredo
	{netip.MustParsePrefix("2001:db8::/32"), "a reserved", false},
	{netip.MustParsePrefix("2002::/16"), "a reserved", false}, // 6to4
	{netip.MustParsePrefix("3fff::/20"), "a reserved", false},
	{netip.MustParsePrefix("2000::/3"), "", false}, // the rest of it is public
	{netip.MustParsePrefix("::/0"), "a reserved", false},
}

// classify returns the kind of an address, "" for a public one, and whether it is
// private.
func classify(ip netip.Addr) (kind string, private bool) {
	for _, s := range specials {
		if s.prefix.Contains(ip) {
			return s.kind, s.private
		}
	}
	return "", false
}

// parseRange parses an address or a CIDR range, which must begin at its first
// address.
func parseRange(text string) (netip.Prefix, bool) {
	if ip, err := netip.ParseAddr(text); err == nil {
		ip = unwrap(ip)
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	// The prefix length of a mapped range is ambiguous.
	return prefix, err == nil && prefix == prefix.Masked() && !prefix.Addr().Is4In6()
}
