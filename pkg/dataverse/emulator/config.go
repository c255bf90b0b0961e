package emulator

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/latency"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/limit"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/security"
)

// The identity that a Server without Config.Apps accepts.
const (
	SandboxTenant = "22222222-2222-2222-2222-222222222222"
	SandboxClient = "11111111-1111-1111-1111-111111111111"
	SandboxSecret = "sandbox"
)

// SandboxOrganization is the OrganizationId of a Server without Config.OrganizationID.
const SandboxOrganization = "33333333-3333-3333-3333-333333333333"

// Config says what a Server is. The zero value is the sandbox: one tenant, one application user with every privilege, the standard
// tables, the documented limits, no latency, no faults.
type Config struct {
	Tenant           string    // directory of the environment; SandboxTenant when empty
	OrganizationID   uuid.UUID // what WhoAmI says; SandboxOrganization when zero
	OrganizationName string    // friendly name; "Sandbox" when empty
	Apps             []App     // application users, each with a simple app registration; the sandbox identity when empty
	Hosts            []string  // hosts (with port) that a token's scope may name; any when empty. Another is AADSTS500011

	Authority string // what the 401 challenge names, as https://login.microsoftonline.us; the Server's own address when empty

	// Directory is what Entra ID knows besides: further tenants and apps, and those of Apps whose credentials are more than one secret.
	// Tenant, Apps, Hosts and TokenLifetime are added to it.
	Directory entra.Config

	Users          []User            // users that are no application users: whom rows belong to, and whom to act for
	Security       security.Config   // business units, security roles, teams, column security
	PrivilegeDelay time.Duration     // after how long a change of privileges is seen (Dataverse: about 30 s); at once when zero
	State          OrganizationState // whether the environment lets anybody in

	Tables []schema.Table          // added to the standard tables, or in place of those with the same name
	Keys   map[string][]schema.Key // further alternate keys, by logical name of the table

	DuplicateRules []DuplicateRule // published duplicate detection rules; none by default

	TokenLifetime time.Duration // 3,599 s when zero
	MaxBody       int64         // bytes of a request body, beyond which the answer is 413; 128 MiB when zero

	Servers    int  // web servers, each with limits of its own; 1 when zero
	NoAffinity bool // do not pin clients to one of several servers by a cookie

	Limits      Limits
	Latency     Latency
	Faults      Faults
	Assumptions Assumptions

	KeepBodies   bool // journal entries carry the body, not only its hash
	JournalLimit int  // journal entries that are kept; older ones are dropped, 4,096 at a time. All when zero
	NoJournal    bool // keep no journal: for long benchmarks, as entries stay in memory
}

// An App is one app registration in a directory, and the application user that it may have in the environment. Where Config.Directory has
// an app of that tenant and client id, the credentials are that one's.
type App struct {
	Tenant        string    // its directory; Config.Tenant when empty. Tokens of another directory than that are of no use here: 401
	ClientID      string    // a GUID
	Secret        string    // the client secret's value; no credential when empty
	SecretExpired bool      // AADSTS7000222 for the right secret
	UserID        uuid.UUID // systemuserid of the application user; derived from ClientID when zero
	State         UserState
	Revoked       []string   // privileges that the user lacks, whatever its roles give: prvWriteContact
	Mode          AccessMode // NonInteractive when empty

	security.Member // the role security.SystemAdministrator when it has neither Roles (nil, not empty) nor Teams
}

// Limits are the service protection limits of one application user on one web server. A zero field has the documented value.
type Limits = limit.Limits

// Latency is how long answers take. Where it is set, the execution time of the limits is charged from it, and not from the clock on the wall.
type Latency = latency.Model

// Assumptions switch behaviour that the reference marks UNCONFIRMED. The zero value is what the reference guesses.
type Assumptions struct {
	SpecialKeyCharacters bool // accept key values with / < > * % & : \ ? + (section 2.6); refused with 400 by default
	BatchKeysVerbatim    bool // do not percent-decode keys in URLs inside a batch (section 2.6); decoded by default
	ForeignHosts         bool // accept absolute URLs of other hosts inside a batch (section 3.1); refused with 400 by default
	PlainClose           bool // an update may set the states of schema.Table.Closing (section 11.32); refused with 0x80100005 by default
	BatchHeaders         bool // operations without MSCRM.SuppressDuplicateDetection take that of their batch (section 3.1); only their own counts by default
	StrictReadOnly       bool // refuse values for read-only columns with 400 (section 2.7); ignored by default
	InOperator           bool // accept the operator in of OData 4.01 in $filter (section 7); refused with 400 by default
	MetadataOrderBy      bool // sort metadata by $orderby (section 6.1); refused with 400 by default
	NoBindByNull         bool // refuse "nav@odata.bind": null, as one capture does (section 2.8); accepted as documented by default

	Wording                 Wording // of denials (section 1.4); WordingCounters by default
	RecordDeniedAsPrivilege bool    // a denial for one record has the code 0x80040220 (section 1.4); 0x80048306 by default
	DeniedAsBadRequest      bool    // denials by column security and of bypass headers have the status 400 (section 13); 403 by default
	BindWithoutRead         bool    // binding a lookup by alternate key does not need Read on its target (section 1.4); it does by default
	PrivilegesWithoutTeams  bool    // RetrieveUserPrivileges leaves out what teams give (section 6.5); has it, as documented, by default
	OwnPrivilegesNeedRead   bool    // RetrieveUserPrivileges needs prvReadUser for oneself, too (section 6.5); only for others by default
	DisabledAsNotFound      bool    // a disabled organisation answers with 404 (section 1.4); 403 by default
}

func (c Config) withDefaults() Config {
	if c.Tenant == "" {
		c.Tenant = SandboxTenant
	}
	if c.OrganizationID == uuid.Nil {
		c.OrganizationID = uuid.MustParse(SandboxOrganization)
	}
	if c.OrganizationName == "" {
		c.OrganizationName = "Sandbox"
	}
	if len(c.Apps) == 0 {
		c.Apps = []App{{ClientID: SandboxClient, Secret: SandboxSecret}}
	}
	if c.MaxBody == 0 {
		c.MaxBody = 128 << 20
	}
	c.Servers = max(c.Servers, 1)
	c.Limits = c.Limits.WithDefaults()
	return c
}

// tables returns the configured schema: standard tables, then Config.Tables, with Config.Keys added.
func (c Config) tables() ([]schema.Table, error) {
	all := schema.Standard()
	for _, own := range c.Tables {
		replaced := false
		for i := range all {
			if all[i].Name == own.Name {
				all[i], replaced = own, true
			}
		}
		if !replaced {
			all = append(all, own)
		}
	}
	if err := schema.ValidateChoices(all); err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(all))
	for i := range all {
		all[i].Keys = append(all[i].Keys[:len(all[i].Keys):len(all[i].Keys)], c.Keys[all[i].Name]...)
		if err := all[i].Validate(); err != nil {
			return nil, err
		}
		known[all[i].Name] = true
	}
	for name := range c.Keys {
		if !known[name] {
			return nil, fmt.Errorf("emulator: Config.Keys names the table %q, which is not there", name)
		}
	}
	for i := range all {
		for _, col := range all[i].Columns {
			for _, target := range col.Targets {
				if !known[target.Table] {
					return nil, fmt.Errorf("emulator: table %q: lookup %q points at the table %q, which is not there", all[i].Name, col.Name, target.Table)
				}
			}
		}
	}
	return all, nil
}
