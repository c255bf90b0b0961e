#!/usr/bin/env bash
# Saves the metadata of tables of a real environment, for the emulator to have the same tables:
#
#   DATAVERSE_URL=https://contoso.crm4.dynamics.com DATAVERSE_TOKEN=… scripts/save-metadata.sh contact cr1_visit > tables/contoso.json
#
# The token is an access token for the environment; az account get-access-token --resource "$DATAVERSE_URL" --query accessToken -o tsv prints
# one. Any security role may read metadata. Lookups keep those targets whose tables are saved too, or are standard tables of the emulator.
set -euo pipefail
: "${DATAVERSE_URL:?set it to the environment, as https://contoso.crm4.dynamics.com}"
: "${DATAVERSE_TOKEN:?set it to an access token for the environment}"
[ $# -gt 0 ] || { echo "name the tables by their logical names, as contact" >&2; exit 2; }

get() { # the token goes in by standard input: the list of processes is for everyone to see
    printf 'header = "Authorization: Bearer %s"\n' "$DATAVERSE_TOKEN" |
        curl --fail-with-body --silent --show-error --globoff --config - --header 'Accept: application/json' \
            "${DATAVERSE_URL%/}/api/data/v9.2/$1" || { echo "GET $1 was refused" >&2; exit 1; }
    echo
}

for table in "$@"; do
    definition="EntityDefinitions(LogicalName='$table')"
    get "$definition?\$expand=Attributes,Keys,ManyToOneRelationships"
    for type in Picklist MultiSelectPicklist State Status Boolean; do
        get "$definition/Attributes/Microsoft.Dynamics.CRM.${type}AttributeMetadata?\$select=LogicalName,EntityLogicalName&\$expand=OptionSet,GlobalOptionSet"
    done
done
