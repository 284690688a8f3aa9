package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"journeys/internal/apigw"
	"journeys/internal/emf"
	"journeys/internal/ident"
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
	pathPlace  = "/path/"
)

// request is an authorized request. Its readers collect faults, so that one
// answer can list them all; an operation calls checkFaults before it acts.
type request struct {
	*http.Request
	tenant   ident.Tenant
	id       ident.ID  // journey in the path; "" if the route has none
	customer string    // customer in the path; "" if the route has none
	received time.Time // by the gateway
	query    url.Values
	faults   strict.Faults
	rec      *recorder
}

// maxAge is more than a gateway waits for a function. A request that seems to be older
// comes from a gateway without a clock.
const maxAge = 15 * time.Minute

// receivedAt returns when the gateway received a request, by our clock where the
// gateway's is of no use.
func receivedAt(ctx context.Context, now time.Time) time.Time {
	if at := apigw.ReceivedAt(ctx); !at.After(now) && now.Sub(at) < maxAge {
		return at
	}
	return now
}

// checkFaults returns an error with the faults found so far, nil if none.
func (r *request) checkFaults() error {
	if r.faults.Empty() {
		return nil
	}
	return &journey.Error{
		Kind: journey.Invalid, Code: "invalid-request",
		Detail: "The request is not valid; each entry of errors says where and why.",
		Faults: r.faults.List(),
	}
}

// readQuery parses the query string. Unknown and repeated parameters are
// faults.
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
			r.faults.Add(queryPlace+pointerEscaper.Replace(name), "unknown query parameter%s", allowedHint(known))
		case len(query[name]) > 1:
			r.faults.Add(queryPlace+name, "appears %d times in the query string", len(query[name]))
		}
	}
}

// pointerEscaper escapes one reference token of a JSON Pointer.
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

func allowedHint(names []string) string {
	if len(names) == 0 {
		return "; this call takes none"
	}
	return "; allowed here: " + strings.Join(names, ", ")
}

// queryInt reads a whole number from lowest to highest. It returns absent if
// the parameter is absent or wrong.
func (r *request) queryInt(name string, lowest, highest, absent int) int {
	if !r.query.Has(name) {
		return absent
	}
	text := r.query.Get(name)
	n, err := strconv.Atoi(text)
	if err != nil || n < lowest || n > highest || text[0] == '+' || text[0] == '-' {
		r.faults.Add(queryPlace+name, "must be a whole number from %d to %d", lowest, highest)
		return absent
	}
	return n
}

// queryWord reads a word of at most maxLength characters; "" if absent.
func (r *request) queryWord(name string, maxLength int) string {
	text := r.query.Get(name)
	if r.query.Has(name) && !strict.IsWord(text, maxLength) {
		r.faults.Add(queryPlace+name, "must have 1 to %d characters of A-Z, a-z, 0-9, _ and -", maxLength)
	}
	return text
}

// queryText reads a text of at most maxLength characters; "" if absent.
func (r *request) queryText(name string, maxLength int) string {
	text := r.query.Get(name)
	n := utf8.RuneCountInString(text)
	if r.query.Has(name) && (n < 1 || n > maxLength || !utf8.ValidString(text)) {
		r.faults.Add(queryPlace+name, "must have 1 to %d characters, in UTF-8", maxLength)
	}
	return text
}

var statusNames = func() []string {
	var names []string
	for _, status := range journey.Statuses {
		names = append(names, string(status))
	}
	return names
}()

// queryStatus reads the status of a journey; "" if absent.
func (r *request) queryStatus() journey.Status {
	name := r.query.Get("status")
	if r.query.Has("status") && !slices.Contains(statusNames, name) {
		r.faults.Add(queryPlace+"status", "must be one of %s", strings.Join(statusNames, ", "))
	}
	return journey.Status(name)
}

// queryBool reads true or false; false if absent.
func (r *request) queryBool(name string) bool {
	text := r.query.Get(name)
	if r.query.Has(name) && text != "true" && text != "false" {
		r.faults.Add(queryPlace+name, "must be true or false")
	}
	return text == "true"
}

// readBody parses the body. An empty body is read as absent.
func (r *request) readBody(w http.ResponseWriter, absent string) (strict.Value, error) {
	return r.readBodyOf(w, checkJSON, absent)
}

// readBodyOf is readBody for the content types that checkType accepts.
func (r *request) readBodyOf(w http.ResponseWriter, checkType func(http.Header) error, absent string) (strict.Value, error) {
	data, err := r.readBytes(w, checkType)
	if err != nil {
		return strict.Value{}, err
	}
	if len(data) == 0 {
		data = []byte(absent)
	}
	body, ok := strict.Parse(data, &r.faults)
	if !ok {
		return strict.Value{}, r.checkFaults()
	}
	return body, nil
}

// readBytes returns the body. Only a body that is not empty needs a content
// type.
func (r *request) readBytes(w http.ResponseWriter, checkType func(http.Header) error) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if len(data) > 0 || err != nil {
		if err := checkType(r.Header); err != nil {
			return nil, err
		}
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

// checkJSON returns errMediaType unless the header declares JSON in UTF-8, not
// compressed.
func checkJSON(header http.Header) error {
	if !declares(header, "application/json") {
		return errMediaType
	}
	return nil
}

// checkPatch is checkJSON for a body that may also be declared as a merge patch.
func checkPatch(header http.Header) error {
	if !declares(header, "application/json", "application/merge-patch+json") {
		return errPatchType
	}
	return nil
}

// declares reports whether the header declares one of kinds in UTF-8, not compressed.
func declares(header http.Header, kinds ...string) bool {
	kind, params, err := mime.ParseMediaType(strings.Join(header.Values("Content-Type"), ","))
	if err != nil || !slices.Contains(kinds, kind) {
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

// readID reads an id that callers choose: 1 to MaxID characters, none of them a
// control character.
func readID(v strict.Value) (string, bool) {
	text, ok := v.Text(1, MaxID)
	if ok && strings.ContainsFunc(text, unicode.IsControl) {
		v.Fault("must not have control characters")
		return "", false
	}
	return text, ok
}

// isID reports whether an id from a path or a header satisfies the rules of readID.
func isID(id string) bool {
	n := utf8.RuneCountInString(id)
	return n >= 1 && n <= MaxID && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._@:+-]+$`)

// readPathID reads an id that callers choose. An id with other characters than
// plainID, which a gateway could decode or resolve, is written as "~" and
// base64url without padding.
func (r *request) readPathID(name string) string {
	id := r.PathValue(name)
	if encoded, ok := strings.CutPrefix(id, "~"); ok {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
		if err != nil {
			r.faults.Add(pathPlace+name, "after ~ must be base64url without padding")
			return ""
		}
		id = string(decoded)
	} else if !plainID.MatchString(id) || id == "." || id == ".." {
		r.faults.Add(pathPlace+name, "has characters other than A-Z, a-z, 0-9 and ._@:+-; write it as ~ and base64url without padding")
		return ""
	}
	if !isID(id) {
		r.faults.Add(pathPlace+name, "must have 1 to %d characters, none of them a control character", MaxID)
		return ""
	}
	return id
}

// idempotencyKey reads the Idempotency-Key; "" if absent. A quoted string
// (RFC 9651) and the bare text are the same key.
func (r *request) idempotencyKey() string {
	const header = "Idempotency-Key"
	values := r.Header.Values(header)
	if len(values) == 0 {
		return ""
	}
	key, ok := unquote(strings.Join(values, ","))
	if !ok || !isID(key) {
		r.faults.Add(headPlace+header, "must have 1 to %d characters, no control characters, and quotation marks only around the whole key", MaxID)
		return ""
	}
	return key
}

// unquote returns the text of an RFC 9651 string, and a value without a leading
// quote as it is. It returns false for a malformed string.
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

// addCount adds a metric to the request's log line.
func (r *request) addCount(name string, n int) {
	r.rec.metrics = append(r.rec.metrics, emf.CountMetric(name, n))
}
