package consent

import (
	"strings"
	"unicode"
)

// Digits of a phone number: E.164 allows 15, and the shortest numbers have seven with the
// code of their country.
const (
	minDigits = 7
	maxDigits = 15
)

// OneAddress returns the address that a text is for an attribute, which catalog.Entry names:
// without the white space around it, and a phone number without what is between its digits.
// It returns "" if the text is no address, or may be several to what sends to it: a name
// before an e-mail address, a list or a quoted mailbox.
func OneAddress(attribute, text string) string {
	text = strings.TrimSpace(text)
	switch attribute {
	case "email":
		if !isMailAddress(text) {
			return ""
		}
	case "phone":
		return phoneNumber(text)
	}
	return text
}

// separators are characters that can turn one address into several, or into a name and an
// address. The last one becomes a semicolon in Unicode's form NFC.
const separators = ",;:<>()[]\"\\\u037e"

func isMailAddress(text string) bool {
	mailbox, domain, _ := strings.Cut(text, "@")
	return mailbox != "" && strings.Trim(domain, ".") == domain && domain != "" && !strings.Contains(domain, "@") &&
		!strings.ContainsAny(text, separators) && !strings.ContainsFunc(text, isInvisible)
}

func isInvisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// phoneNumber returns the digits of a phone number, after "+" if the text begins with it or
// with 00, which is dialed for it.
func phoneNumber(text string) string {
	var number strings.Builder
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9', r == '+' && number.Len() == 0:
			number.WriteRune(r)
		case !isInvisible(r) && !unicode.Is(unicode.Pd, r) && !strings.ContainsRune("./()", r):
			return ""
		}
	}
	digits, international := strings.CutPrefix(number.String(), "+")
	if !international {
		digits, international = strings.CutPrefix(digits, "00")
	}
	switch {
	case len(digits) < minDigits || len(digits) > maxDigits:
		return ""
	case international:
		return "+" + digits
	}
	return digits
}
