package api

import (
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"journeys/internal/emf"
	"journeys/internal/journey"
	"journeys/internal/strict"
)

// Limits of a request.
const (
	MaxBody = 1 << 20 // bytes
	MaxID   = 128     // characters of the ids of customers and events, and of an Idempotency-Key
)

const (
	maxOffset  = math.MaxInt32 // beyond any list
	queryPlace = "/query/"
	headPlace  = "/header/"
)

// request is a call by somebody who may make it. Its readers collect what is
// wrong, so that the answer can name everything at once.
type request struct {
	*http.Request
	tenant journey.Tenant
	id     journey.ID // of the journey in the path; "" when the route has none
	query  url.Values
	faults strict.Faults

	customer string        // in the path; "" when the route has none
	metrics  *[]emf.Metric // of the request's log line
}

// invalid returns what is wrong so far; nil when nothing is.
func (r *request) invalid() error {
	if r.faults.Empty() {
		return nil
	}
	return &journey.Error{
		Kind: journey.Invalid, Code: "invalid-request",
		Detail: "The request is not valid; each entry of errors says where and why.",
		Faults: r.faults.List(),
	}
}

// readQuery reads the query string, in which only the known names may stand,
// and each once.
func (r *request) readQuery(known []string) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		r.faults.Add("/query", "is not a well-formed query string")
		return
	}
	r.query = query
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case !slices.Contains(known, name):
			r.faults.Add(queryPlace+escape.Replace(name), "unknown query parameter%s", allowed(known))
		case len(query[name]) > 1:
			r.faults.Add(queryPlace+name, "stands %d times in the query string", len(query[name]))
		}
	}
}

// escape makes a name a part of a JSON Pointer.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

func allowed(names []string) string {
	if len(names) == 0 {
		return "; this call takes none"
	}
	return "; allowed here: " + strings.Join(names, ", ")
}

// number reads a whole number from the query string.
func (r *request) number(name string, min, max, absent int) int {
	if !r.query.Has(name) {
		return absent
	}
	text := r.query.Get(name)
	n, err := strconv.Atoi(text)
	if err != nil || n < min || n > max || text[0] == '+' || text[0] == '-' {
		r.faults.Add(queryPlace+name, "must be a whole number from %d to %d", min, max)
		return absent
	}
	return n
}

var statusNames = func() []string {
	var names []string
	for _, status := range journey.Statuses {
		names = append(names, string(status))
	}
	return names
}()

// status reads the status to filter by; "" when absent.
func (r *request) status() journey.Status {
	name := r.query.Get("status")
	if r.query.Has("status") && !slices.Contains(statusNames, name) {
		r.faults.Add(queryPlace+"status", "must be one of %s", strings.Join(statusNames, ", "))
	}
	return journey.Status(name)
}

// flag reads true or false from the query string; false when absent.
func (r *request) flag(name string) bool {
	text := r.query.Get(name)
	if r.query.Has(name) && text != "true" && text != "false" {
		r.faults.Add(queryPlace+name, "must be true or false")
	}
	return text == "true"
}

// readBody reads the body. An empty one counts as absent, "" where it must not
// be.
func (r *request) readBody(w http.ResponseWriter, absent string) (strict.Value, error) {
	data, err := r.bytes(w)
	if err != nil {
		return strict.Value{}, err
	}
	if len(data) == 0 {
		data = []byte(absent)
	}
	body, ok := strict.Parse(data, &r.faults)
	if !ok {
		return strict.Value{}, r.invalid()
	}
	return body, nil
}

// bytes returns the body's bytes. Only a body that is there needs a type.
func (r *request) bytes(w http.ResponseWriter) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if (len(data) > 0 || err != nil) && !isJSON(r.Header) {
		return nil, errMediaType
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return data, nil
}

// isJSON reports whether the header announces plain JSON in UTF-8.
func isJSON(header http.Header) bool {
	kind, params, err := mime.ParseMediaType(strings.Join(header.Values("Content-Type"), ","))
	if err != nil || kind != "application/json" {
		return false
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	coding := strings.Join(header.Values("Content-Encoding"), ",")
	return coding == "" || strings.EqualFold(coding, "identity")
}

// readName reads a name that callers choose: 1 to 128 characters, none of them a
// control character.
func readName(v strict.Value) (string, bool) {
	text, ok := v.Text(1, MaxID)
	if ok && strings.ContainsFunc(text, unicode.IsControl) {
		v.Fault("must not have control characters")
		return "", false
	}
	return text, ok
}

// idempotencyKey reads the Idempotency-Key, "" when absent. A quoted one, as
// the structured fields of RFC 9651 write a string, is the same key as the
// bare token.
func (r *request) idempotencyKey() string {
	const header = "Idempotency-Key"
	values := r.Header.Values(header)
	if len(values) == 0 {
		return ""
	}
	key, ok := unquote(strings.Join(values, ","))
	n := utf8.RuneCountInString(key)
	if !ok || n < 1 || n > MaxID || !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl) {
		r.faults.Add(headPlace+header, "must have 1 to %d characters, no control characters, and quotes only around the whole", MaxID)
		return ""
	}
	return key
}

// unquote returns the text of a structured field's string; what does not begin
// with a quote is its own text.
func unquote(value string) (string, bool) {
	if !strings.HasPrefix(value, `"`) {
		return value, true
	}
	var text strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			return text.String(), i == len(value)-1
		case c < ' ' || c > '~':
			return "", false
		case c == '\\':
			i++
			if i == len(value) || value[i] != '"' && value[i] != '\\' {
				return "", false
			}
			text.WriteByte(value[i])
		default:
			text.WriteByte(c)
		}
	}
	return "", false
}

// count adds metrics to the request's log line.
func (r *request) count(name string, n int) {
	*r.metrics = append(*r.metrics, emf.Metric{Name: name, Unit: emf.Count, Value: float64(n)})
}
