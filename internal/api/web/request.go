// Package web reads what all requests of the API have in common, such as query
// parameters, bodies, ids and entity tags, and writes answers and problem documents.
// It collects the faults of a request, so that one answer can name them all.
package web

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"journeys/internal/journey"
	"journeys/internal/strict"
)

// Limits of a request.
const (
	MaxBody = 1 << 20 // bytes
	MaxID   = 128     // characters of the ids of customers and events, and of an Idempotency-Key
)

// Prefixes of the pointers of faults that are not in the body.
const (
	QueryPlace = "/query/"
	HeadPlace  = "/header/"
	PathPlace  = "/path/"
)

// Request reads the parts of an HTTP request. Its readers collect faults, so that one
// answer can list them all; an operation calls CheckFaults before it acts.
type Request struct {
	*http.Request
	Query  url.Values // set by ReadQuery
	Faults strict.Faults
}

// CheckFaults returns an error with the faults found so far, nil if none.
func (r *Request) CheckFaults() error {
	if r.Faults.Empty() {
		return nil
	}
	return &journey.Error{
		Kind: journey.Invalid, Code: "invalid-request",
		Detail: "The request is not valid; each entry of errors says where and why.",
		Faults: r.Faults.List(),
	}
}

// AddFaults adds faults that were found elsewhere.
func (r *Request) AddFaults(list []strict.Fault) {
	for _, fault := range list {
		r.Faults.Add(fault.Pointer, "%s", fault.Detail)
	}
}

// ReadQuery parses the query string. Unknown and repeated parameters are
// faults.
func (r *Request) ReadQuery(known []string) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		r.Faults.Add("/query", "is not a well-formed query string")
		return
	}
	r.Query = query
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case !slices.Contains(known, name):
			r.Faults.Add(QueryPlace+pointerEscaper.Replace(name), "unknown query parameter%s", allowedHint(known))
		case len(query[name]) > 1:
			r.Faults.Add(QueryPlace+name, "appears %d times in the query string", len(query[name]))
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

// QueryInt reads a whole number from lowest to highest. It returns absent if
// the parameter is absent or wrong.
func (r *Request) QueryInt(name string, lowest, highest, absent int) int {
	if !r.Query.Has(name) {
		return absent
	}
	text := r.Query.Get(name)
	n, err := strconv.Atoi(text)
	if err != nil || n < lowest || n > highest || text[0] == '+' || text[0] == '-' {
		r.Faults.Add(QueryPlace+name, "must be a whole number from %d to %d", lowest, highest)
		return absent
	}
	return n
}

// QueryWord reads a word of at most maxLength characters; "" if absent.
func (r *Request) QueryWord(name string, maxLength int) string {
	text := r.Query.Get(name)
	if r.Query.Has(name) && !strict.IsWord(text, maxLength) {
		r.Faults.Add(QueryPlace+name, "must have 1 to %d characters of A-Z, a-z, 0-9, _ and -", maxLength)
	}
	return text
}

// QueryText reads a text of at most maxLength characters; "" if absent.
func (r *Request) QueryText(name string, maxLength int) string {
	text := r.Query.Get(name)
	n := utf8.RuneCountInString(text)
	if r.Query.Has(name) && (n < 1 || n > maxLength || !utf8.ValidString(text)) {
		r.Faults.Add(QueryPlace+name, "must have 1 to %d characters, in UTF-8", maxLength)
	}
	return text
}

// QueryBool reads true or false; false if absent.
func (r *Request) QueryBool(name string) bool {
	text := r.Query.Get(name)
	if r.Query.Has(name) && text != "true" && text != "false" {
		r.Faults.Add(QueryPlace+name, "must be true or false")
	}
	return text == "true"
}

// ReadBody parses the body. An empty body is read as absent.
func (r *Request) ReadBody(w http.ResponseWriter, absent string) (strict.Value, error) {
	return r.ReadBodyOf(w, CheckJSON, absent)
}

// ReadBodyOf is ReadBody for the content types that checkType accepts.
func (r *Request) ReadBodyOf(w http.ResponseWriter, checkType func(http.Header) error, absent string) (strict.Value, error) {
	data, err := r.readBytes(w, checkType)
	if err != nil {
		return strict.Value{}, err
	}
	if len(data) == 0 {
		data = []byte(absent)
	}
	body, ok := strict.Parse(data, &r.Faults)
	if !ok {
		return strict.Value{}, r.CheckFaults()
	}
	return body, nil
}

// readBytes returns the body. Only a body that is not empty needs a content
// type.
func (r *Request) readBytes(w http.ResponseWriter, checkType func(http.Header) error) ([]byte, error) {
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

// CheckJSON returns errMediaType unless the header declares JSON in UTF-8, not
// compressed.
func CheckJSON(header http.Header) error {
	if !declares(header, "application/json") {
		return errMediaType
	}
	return nil
}

// CheckPatch is CheckJSON for a body that may also be declared as a merge patch.
func CheckPatch(header http.Header) error {
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

// ReadID reads an id that callers choose: 1 to MaxID characters, none of them a
// control character.
func ReadID(v strict.Value) (string, bool) {
	text, ok := v.Text(1, MaxID)
	if ok && strings.ContainsFunc(text, unicode.IsControl) {
		v.Fault("must not have control characters")
		return "", false
	}
	return text, ok
}

// isID reports whether an id from a path or a header satisfies the rules of ReadID.
func isID(id string) bool { return isText(id, MaxID) }

func isText(text string, longest int) bool {
	n := utf8.RuneCountInString(text)
	return n >= 1 && n <= longest && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._@:+-]+$`)

// ReadPathID reads an id that callers choose. An id with other characters than
// plainID, which a gateway could decode or resolve, is written as "~" and
// base64url without padding.
func (r *Request) ReadPathID(name string) string { return r.ReadPathText(name, MaxID) }

// ReadPathText is ReadPathID of a text of 1 to longest characters.
func (r *Request) ReadPathText(name string, longest int) string {
	id := r.PathValue(name)
	if encoded, ok := strings.CutPrefix(id, "~"); ok {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
		if err != nil {
			r.Faults.Add(PathPlace+name, "after ~ must be base64url without padding")
			return ""
		}
		id = string(decoded)
	} else if !plainID.MatchString(id) || id == "." || id == ".." {
		r.Faults.Add(PathPlace+name, "has characters other than A-Z, a-z, 0-9 and ._@:+-; write it as ~ and base64url without padding")
		return ""
	}
	if !isText(id, longest) {
		r.Faults.Add(PathPlace+name, "must have 1 to %d characters, none of them a control character", longest)
		return ""
	}
	return id
}

// IdempotencyKey reads the Idempotency-Key; "" if absent. A quoted string
// (RFC 9651) and the bare text are the same key.
func (r *Request) IdempotencyKey() string {
	const header = "Idempotency-Key"
	values := r.Header.Values(header)
	if len(values) == 0 {
		return ""
	}
	key, ok := unquote(strings.Join(values, ","))
	if !ok || !isID(key) {
		r.Faults.Add(HeadPlace+header, "must have 1 to %d characters, no control characters, and quotation marks only around the whole key", MaxID)
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
