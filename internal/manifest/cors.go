package manifest

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// EnvCORSOrigins is the setting of the gateway that lists the origins whose pages may
// call the API, as ParseOrigins reads it. No function has it.
const EnvCORSOrigins = "JOURNEYS_CORS_ORIGINS"

// CORSMaxAge is how long browsers may keep the answer to a preflight.
const CORSMaxAge = time.Hour

// CORSRequestHeaders returns the headers that pages of other origins may send.
func CORSRequestHeaders() []string {
	return []string{"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key"}
}

// CORSExposedHeaders returns the headers of answers that pages of other origins may
// read, besides those that browsers always show.
func CORSExposedHeaders() []string { return []string{"ETag", "Location", "Retry-After"} }

// CORSMethods returns the sorted methods of the API's routes.
func CORSMethods() []string {
	var methods []string
	for _, r := range Routes() {
		methods = append(methods, r.Method)
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// originForm matches an origin as browsers send it: in lower case, without a path.
var originForm = regexp.MustCompile(`^(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([1-9][0-9]{0,4}))?$`)

// ParseOrigins parses origins separated by commas, such as
// "https://app.example.com,http://localhost:5173". Each must be https, except on the
// local machine. The empty text has none. The error names every fault.
func ParseOrigins(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var origins []string
	var faults []error
	for origin := range strings.SplitSeq(text, ",") {
		origin = strings.TrimSpace(origin)
		if fault := originFault(origin); fault != "" {
			faults = append(faults, fmt.Errorf("%s: %q %s", EnvCORSOrigins, origin, fault))
		} else if slices.Contains(origins, origin) {
			faults = append(faults, fmt.Errorf("%s: %q is listed twice", EnvCORSOrigins, origin))
		}
		origins = append(origins, origin)
	}
	return origins, errors.Join(faults...)
}

// originFault returns what is wrong with an origin, "" for nothing.
func originFault(origin string) string {
	match := originForm.FindStringSubmatch(origin)
	if match == nil {
		return "is not an origin: want the form https://app.example.com, in lower case, without a path, a trailing slash or *"
	}
	scheme, host, port := match[1], match[2], match[3]
	u, err := url.Parse(origin)
	switch {
	case err != nil || len(port) == 5 && port > "65535":
		return "has no valid port"
	case scheme == "https" && u.Port() == "443" || scheme == "http" && u.Port() == "80":
		return "names the default port, which browsers leave out"
	case scheme == "http" && host != "localhost" && host != "127.0.0.1":
		return "must be https"
	}
	return ""
}
