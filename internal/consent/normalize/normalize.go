// Package normalize has the one spelling of an address, by which lookups of people and of
// code meet.
package normalize

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"journeys/internal/consent"
)

// maxDomain is the length of the longest domain, in bytes. Longer ones are not encoded,
// which takes time with the square of their length.
const maxDomain = 255

// Address returns the one spelling of an address in an attribute; "" if the text is not
// exactly one address, as consent.OneAddress says.
//
// An e-mail address is in lower case and in Unicode's form NFC, its domain in ASCII. Mail
// servers may tell the case of a mailbox apart, but none does, and customers do not. A
// phone number is "+" and its digits. Any other address only loses the white space around
// it.
func Address(attribute, address string) string {
	address = consent.OneAddress(attribute, address)
	switch attribute {
	case "email":
		// Another spelling of its characters may be a separator.
		return consent.OneAddress(attribute, mail(address))
	case "phone":
		if address != "" && address[0] != '+' {
			return "+" + address
		}
	}
	return address
}

func mail(address string) string {
	// Before and after: lower case has other forms, and depends on the form.
	address = norm.NFC.String(strings.ToLower(norm.NFC.String(address)))
	at := strings.LastIndexByte(address, '@')
	if at < 0 || len(address)-at > maxDomain {
		return address
	}
	if domain, err := idna.Lookup.ToASCII(address[at+1:]); err == nil {
		return address[:at+1] + domain
	}
	return address // such a domain does not exist
}
