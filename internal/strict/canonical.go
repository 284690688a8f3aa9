package strict

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Canonical returns a JSON value in the form that all its spellings share: without
// white space, names sorted, strings escaped alike, numbers as exact decimals ("2",
// "2.0" and "20e-1" are equal). Text that is not JSON, or has a name twice, is
// returned as it is. It does not change raw.
func Canonical(raw []byte) []byte {
	value := jsontext.Value(bytes.Clone(raw))
	// As floats, two large integers could become equal.
	if err := value.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return value
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(value), jsontext.AllowDuplicateNames(true))
	var text []byte
	plain := 0 // offset of the first byte that is not in text yet
	for {
		token, err := decoder.ReadToken()
		if err != nil { // end of the text, which is valid
			return append(text, value[plain:]...)
		}
		if token.Kind() != '0' {
			continue
		}
		number, end := token.String(), int(decoder.InputOffset())
		text = append(append(text, value[plain:end-len(number)]...), canonicalNumber(number)...)
		plain = end
	}
}

// canonicalNumber returns a number as its digits, without zeros at either end, and an
// exponent.
func canonicalNumber(number string) string {
	text, sign := strings.CutPrefix(strings.ToLower(number), "-")
	mantissa, power, _ := strings.Cut(text, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent := 0
	if power != "" {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			return number // no two such numbers are worth comparing
		}
	}
	exponent += len(digits) - len(fraction)
	if digits = strings.TrimRight(digits, "0"); digits == "" {
		return "0"
	}
	if digits = "0." + digits + "e" + strconv.Itoa(exponent); sign {
		return "-" + digits
	}
	return digits
}
