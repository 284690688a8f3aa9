package unsubscribe

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed page.html
var pageText string

//go:embed page.css
var style string

//go:embed words.json
var wordsText []byte

// words are the texts of the page in a language.
type words struct {
	Title, Choose, None, Gone, Button, Left, Already, Nothing, Unknown, UnknownHelp, Busy string
}

// fallback is the language for those who ask for others only.
const fallback = "en"

// assets are made at the first use: most starts are for a POST by a mail program, which
// gets no page.
var assets = sync.OnceValue(func() (a struct {
	page   *template.Template
	words  map[string]words
	policy string
},
) {
	a.page = template.Must(template.New("page").Parse(pageText))
	if err := json.Unmarshal(wordsText, &a.words); err != nil {
		panic(fmt.Sprintf("unsubscribe: words: %v", err)) // a test reads them
	}
	sum := sha256.Sum256([]byte(style))
	a.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
	return a
})

// page is what the page shows.
type page struct {
	Language                  string
	Words                     words
	Style                     template.CSS
	Problem, Help             string
	Left, Subscribed, Already []entry
	Gone                      bool // the channel has no topics, and that of the message is gone
}

// entry is a topic on the page.
type entry struct {
	ID, Name string
	Checked  bool
}

func newPage(accepted string) *page {
	language := choose(accepted, assets().words)
	return &page{Language: language, Words: assets().words[language], Style: template.CSS(style)} //nolint:gosec // embedded
}

// show lists the recipient's topics. left are those that they have just left.
func (p *page) show(r *recipient, left []string) {
	ids := r.ids()
	p.Gone = len(ids) == 0
	for _, id := range ids {
		e := entry{ID: id, Name: r.name(id), Checked: id == r.message.Topic}
		switch {
		case slices.Contains(left, id):
			p.Left = append(p.Left, e)
		case r.wants(id):
			p.Subscribed = append(p.Subscribed, e)
		default:
			p.Already = append(p.Already, e)
		}
	}
}

func (p *page) html() []byte {
	var text bytes.Buffer
	if err := assets().page.Execute(&text, p); err != nil {
		panic(fmt.Sprintf("unsubscribe: page: %v", err)) // a buffer does not fail
	}
	return text.Bytes()
}

// choose returns the language of those that known has which an Accept-Language header
// prefers.
func choose(accepted string, known map[string]words) string {
	best, weight := fallback, 0.0
	for part := range strings.SplitSeq(accepted, ",") {
		tag, parameters, _ := strings.Cut(part, ";")
		language, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if text, ok := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q="); ok {
			q, _ = strconv.ParseFloat(text, 64) // 0 if it is malformed
		}
		if _, ok := known[language]; ok && q > weight {
			best, weight = language, q
		}
	}
	return best
}
