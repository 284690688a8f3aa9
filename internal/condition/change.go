package condition

import (
	"math/big"
	"strconv"
	"strings"
)

// Set returns a copy of v with the value at path set, or removed if value is missing.
// To set a value, objects replace what is in its way.
func (v Value) Set(path []string, value Value) Value {
	switch {
	case len(path) == 0:
		return value
	case value.Missing() && v.Get(path...).Missing():
		return v
	}
	return v.With(path[0], v.Get(path[0]).Set(path[1:], value))
}

// Add returns the sum of v, where missing and null count as 0, and n. Numbers without
// an exponent are added as decimals, exactly; others as float64. Add returns false if
// one of the two is no number, or the sum is beyond float64.
func (v Value) Add(n Value) (Value, bool) {
	if v.kind == kindMissing || v.kind == kindNull {
		v = Value{kind: kindNumber, text: "0"}
	}
	if v.kind != kindNumber || n.kind != kindNumber {
		return Value{}, false
	}
	text, ok := addDecimals(v.text, n.text)
	if !ok {
		text = strconv.FormatFloat(parseNumber(v.text).float()+parseNumber(n.text).float(), 'g', -1, 64)
	}
	sum := Value{kind: kindNumber, text: text, number: parseNumber(text)}
	return sum, !sum.number.infinite() && text != "NaN"
}

// addDecimals adds two JSON numbers exactly. It returns false if one has an exponent.
func addDecimals(a, b string) (string, bool) {
	if strings.ContainsAny(a+b, "eE") {
		return "", false
	}
	wholeA, fractionA, _ := strings.Cut(a, ".")
	wholeB, fractionB, _ := strings.Cut(b, ".")
	places := max(len(fractionA), len(fractionB))
	x, _ := new(big.Int).SetString(wholeA+fractionA+strings.Repeat("0", places-len(fractionA)), 10)
	y, _ := new(big.Int).SetString(wholeB+fractionB+strings.Repeat("0", places-len(fractionB)), 10)
	sum := x.Add(x, y)
	sign := ""
	if sum.Sign() < 0 {
		sign = "-"
	}
	digits := sum.Abs(sum).String()
	digits = strings.Repeat("0", max(places+1-len(digits), 0)) + digits
	whole, fraction := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction, true
}
