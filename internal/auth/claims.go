package auth

import (
	"errors"
	"slices"
	"strings"

	"journeys/internal/ident"
	"journeys/internal/manifest"
	"journeys/internal/strict"
)

// findClaim returns the claim with that name, or else the nested claim at the path that
// the name spells with dots. Objects on the path may have dots in their names too. A
// null claim is missing.
func findClaim(object map[string]any, name string) (any, bool) {
	if value, ok := object[name]; ok && value != nil {
		return value, true
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		inner, ok := object[name[:i]].(map[string]any)
		if !ok {
			continue
		}
		if value, ok := findClaim(inner, name[i+1:]); ok {
			return value, true
		}
	}
	return nil, false
}

// roles are the roles of the manifest, the highest first.
var roles = []string{manifest.Admin, manifest.Editor, manifest.Viewer, manifest.Ingest}

func validRole(role string) bool { return slices.Contains(roles, role) }

// highestRole returns the highest known role of a claim, which is a role or a list that
// may contain anything else; "" for none.
func highestRole(claim any) string {
	list, ok := claim.([]any)
	if !ok {
		list = []any{claim}
	}
	for _, role := range roles {
		if slices.Contains(list, any(role)) {
			return role
		}
	}
	return ""
}

// Client is what the settings give to a client of the issuer, a machine, whose tokens
// have neither a tenant nor a role.
type Client struct {
	Tenant ident.Tenant
	Role   string // one of the manifest's
}

// Clients are the clients in the settings, by their client_id.
type Clients map[string]Client

// Limits of the settings of clients.
const (
	MaxClients  = 3072 // bytes; a function's settings have 4 KB together
	maxClientID = 256  // characters
)

// ParseClients parses {"<client id>": {"tenant": "acme", "role": "ingest"}}. Its error
// lists every fault.
func ParseClients(data []byte) (Clients, error) {
	var faults strict.Faults
	clients := Clients{}
	if len(data) > MaxClients {
		faults.Add("", "must have at most %d bytes, has %d", MaxClients, len(data))
	} else if v, ok := strict.Parse(data, &faults); ok {
		readClients(v, clients)
	}
	if faults.Empty() {
		return clients, nil
	}
	var text []string
	for _, fault := range faults.List() {
		text = append(text, strings.TrimSpace(fault.Pointer+" "+fault.Detail))
	}
	return nil, errors.New(manifest.EnvClients + ": " + strings.Join(text, "; "))
}

func readClients(v strict.Value, clients Clients) {
	object, ok := v.Object()
	if !ok {
		return
	}
	for _, id := range object.Names() {
		member, _ := object.Take(id)
		if id == "" || len([]rune(id)) > maxClientID {
			member.Fault("must be named by a client id of 1 to %d characters", maxClientID)
		}
		if o, ok := member.Object(); ok {
			clients[id] = readClient(o)
		}
	}
}

func readClient(object *strict.Object) Client {
	defer object.Done("tenant", "role")
	var c Client
	if v, ok := object.Need("tenant"); ok {
		name, isText := v.Text(0, MaxClients)
		if c.Tenant, ok = ident.ParseTenant(name); isText && !ok {
			v.Fault("must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
		}
	}
	if v, ok := object.Need("role"); ok {
		c.Role, _ = v.OneOf(roles...)
	}
	return c
}
