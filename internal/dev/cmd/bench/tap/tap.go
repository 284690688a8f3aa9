// Package tap is a proxy in front of DynamoDB Local that counts the requests, connections
// and capacity units of the clients that use it.
package tap

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
)

// Usage is an amount of requests, new connections and capacity units.
type Usage struct {
	Requests, Connections int
	Read, Write, Index    float64 // Write excludes Index
}

// The label of the goroutines of a Tap in a CPU profile.
const (
	Label      = "part"
	LabelValue = "tap"
)

// Tap is the proxy. Its methods are safe for concurrent use.
type Tap struct {
	*httptest.Server
	mu    sync.Mutex
	used  Usage
	items map[string]written // what PartiQL statements wrote, by key
}

// Open starts a Tap in front of an endpoint. Close it after use.
func Open(endpoint string) (*Tap, error) {
	table, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	t := &Tap{items: map[string]written{}}
	proxy := httputil.NewSingleHostReverseProxy(table)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 128}
	proxy.ModifyResponse = t.count
	t.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // functions open their connection with it
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		// count reads the body again where DynamoDB Local reports no units.
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		proxy.ServeHTTP(w, r)
	}))
	t.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			t.add(Usage{Connections: 1})
		}
	}
	// The label separates the tap's goroutines in the CPU profile.
	pprof.Do(context.Background(), pprof.Labels(Label, LabelValue), func(context.Context) { t.Start() })
	return t, nil
}

// Reset returns the usage since the last Reset.
func (t *Tap) Reset() Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.used
	t.used = Usage{}
	return u
}

func (t *Tap) add(u Usage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used.Requests += u.Requests
	t.used.Connections += u.Connections
	t.used.Read += u.Read
	t.used.Write += u.Write
	t.used.Index += u.Index
}

// consumption is the consumed capacity of one table, as DynamoDB reports it.
type consumption struct {
	CapacityUnits          float64
	GlobalSecondaryIndexes map[string]struct{ CapacityUnits float64 }
}

// emptyQuery is the cost in read units of a query that finds nothing, for which
// DynamoDB Local reports none.
const emptyQuery = 0.5

// count adds one request and the units that its answer reports.
func (t *Tap) count(answer *http.Response) error {
	_, operation, _ := strings.Cut(answer.Request.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	var reported struct{ ConsumedCapacity json.RawMessage }
	if err := json.Unmarshal(body, &reported); err != nil {
		return err
	}
	var several []consumption
	if json.Unmarshal(reported.ConsumedCapacity, &several) != nil {
		several = make([]consumption, 1)
		_ = json.Unmarshal(reported.ConsumedCapacity, &several[0]) // errors report none
	}
	u := Usage{Requests: 1}
	for _, c := range several {
		u.Write += c.CapacityUnits
		for _, i := range c.GlobalSecondaryIndexes {
			u.Write -= i.CapacityUnits
			u.Index += i.CapacityUnits
		}
	}
	switch operation {
	case "TransactWriteItems":
		if u.Write > 0 { // it was not refused
			u.Write, err = transactUnits(answer.Request)
		}
	case "GetItem", "BatchGetItem", "Query":
		u.Read, u.Write, u.Index = u.Write+u.Index, 0, 0
		if operation == "Query" && u.Read == 0 {
			u.Read = emptyQuery
		}
	case "BatchExecuteStatement":
		if u.Write == 0 {
			u.Write, u.Index, err = t.statementUnits(answer.Request, body)
		}
	}
	t.add(u)
	return err
}

// value is an attribute value of DynamoDB's JSON protocol.
type value struct {
	S, N *string
	B    []byte
	L    []value
	M    map[string]value
}

// size returns the value's size by DynamoDB's rules, in bytes.
func (v value) size() int {
	switch {
	case v.S != nil:
		return len(*v.S)
	case v.N != nil:
		return (len(strings.Trim(*v.N, "-0."))+1)/2 + 1
	case v.B != nil:
		return len(v.B)
	}
	n := 1 // true, false, null
	if v.L != nil || v.M != nil {
		n = 3
	}
	for _, element := range v.L {
		n += 1 + element.size()
	}
	for name, element := range v.M {
		n += 1 + len(name) + element.size()
	}
	return n
}

// written is an item as statements wrote it: the sizes of its attributes, and its
// key in the index, "" if it has none.
type written struct {
	sizes map[string]int
	index string
}

// units returns the write units of the whole item.
func (w written) units() float64 {
	size := 0
	for name, n := range w.sizes {
		size += len(name) + n
	}
	return float64((size + 1023) / 1024)
}

// transactUnits returns the units of a transaction: two for each started KB of
// every item. DynamoDB Local reports those of one item. Items that are updated or
// deleted count as 1 KB; those of the bench are smaller.
func transactUnits(r *http.Request) (units float64, err error) {
	body, err := r.GetBody()
	if err != nil {
		return 0, err
	}
	var transaction struct {
		TransactItems []struct {
			Put struct{ Item map[string]value }
		}
	}
	if err := json.NewDecoder(body).Decode(&transaction); err != nil {
		return 0, err
	}
	for _, action := range transaction.TransactItems {
		w := written{sizes: map[string]int{}}
		for name, v := range action.Put.Item {
			w.sizes[name] = v.size()
		}
		units += 2 * max(w.units(), 1)
	}
	return units, nil
}

var (
	inserted = regexp.MustCompile(`'(\w+)':\?`)
	updated  = regexp.MustCompile(`(SET|REMOVE) "(\w+)"`)
)

// statementUnits returns the units of a batch of INSERTs or UPDATEs, for which
// DynamoDB Local reports none. The table takes one for each started KB of an
// item, also if the condition fails. The index takes one for a key that is added
// or removed, two for a key that changes, and none for a key that stays.
func (t *Tap) statementUnits(r *http.Request, answer []byte) (write, index float64, err error) {
	body, err := r.GetBody()
	if err != nil {
		return 0, 0, err
	}
	var batch struct {
		Statements []struct {
			Statement  string
			Parameters []value
		}
	}
	if err := json.NewDecoder(body).Decode(&batch); err != nil {
		return 0, 0, err
	}
	var answered struct {
		Responses []struct{ Error *struct{ Code string } }
	}
	if err := json.Unmarshal(answer, &answered); err != nil {
		return 0, 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, statement := range batch.Statements {
		key, next := t.after(statement.Statement, statement.Parameters)
		write += next.units()
		if i >= len(answered.Responses) || answered.Responses[i].Error != nil {
			continue
		}
		index += indexUnits(t.items[key].index, next.index)
		t.items[key] = next
	}
	return write, index, nil
}

func indexUnits(before, after string) float64 {
	switch {
	case before == after:
		return 0
	case before != "" && after != "":
		return 2
	}
	return 1
}

// after returns the key of the item that a statement writes, and the item after
// it.
func (t *Tap) after(statement string, parameters []value) (string, written) {
	values := map[string]value{}
	w := written{sizes: map[string]int{}}
	var removed []string
	if strings.HasPrefix(statement, "INSERT") {
		for i, name := range inserted.FindAllStringSubmatch(statement, -1) {
			values[name[1]] = parameters[i]
		}
	} else {
		n := 0
		for _, part := range updated.FindAllStringSubmatch(statement, -1) {
			if part[1] == "REMOVE" {
				removed = append(removed, part[2])
				continue
			}
			values[part[2]] = parameters[n]
			n++
		}
		values["PK"], values["SK"] = parameters[n], parameters[n+1]
	}
	key := *values["PK"].S + "|" + *values["SK"].S
	before := t.items[key]
	maps.Copy(w.sizes, before.sizes)
	w.index = before.index
	for name, v := range values {
		w.sizes[name] = v.size()
	}
	for _, name := range removed {
		delete(w.sizes, name)
	}
	if due, ok := values["dp"]; ok {
		w.index = *due.S + "|" + *values["ds"].N
	} else if slices.Contains(removed, "dp") {
		w.index = ""
	}
	return key, w
}
