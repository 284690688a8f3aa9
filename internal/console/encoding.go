package console

import (
	"math"
	"strconv"
	"strings"
)

// acceptsGzip reports whether an Accept-Encoding header (RFC 9110, 12.5.3)
// accepts gzip, and does not prefer the body as it is.
func acceptsGzip(header string) bool {
	weights := map[string]float64{}
	for element := range strings.SplitSeq(header, ",") {
		coding, parameters, _ := strings.Cut(element, ";")
		coding = strings.ToLower(strings.TrimSpace(coding))
		if coding == "x-gzip" {
			coding = "gzip"
		}
		weights[coding] = weight(parameters)
	}
	gzip, named := weights["gzip"]
	if !named {
		gzip = weights["*"]
	}
	return gzip > 0 && gzip >= weights["identity"]
}

// weight returns the q of a coding's parameters: 1 if there is none, 0 if it is
// malformed.
func weight(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(parameter), "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || math.IsNaN(q) || q < 0 || q > 1 {
			return 0
		}
		return q
	}
	return 1
}
