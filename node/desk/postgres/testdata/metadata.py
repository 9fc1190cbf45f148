"""Prints what the metadata of the table works is by pyodbc and psqlODBC: host port password."""
import sys
import pyodbc

host, port, password = sys.argv[1:4]
c = pyodbc.connect(f"DRIVER={{PostgreSQL Unicode}};SERVER={host};PORT={port};DATABASE=weir;UID=weir;PWD={password};SSLmode=disable;ReadOnly=1;RowVersioning=0;ShowSystemTables=0;BoolsAsChar=1", autocommit=True)
k = c.cursor()
print("-- psqlODBC", c.getinfo(pyodbc.SQL_DRIVER_VER))


def sorted_by_text(rows):
    return sorted(rows, key=str)


def show(title, rows, order=lambda rows: rows):
    print("==", title)
    names = [d[0] for d in rows.description]
    print("|".join(names))
    for row in order(rows.fetchall()):
        print("|".join("OID" if n == "table oid" else str(v) for n, v in zip(names, row)))


print("== DBMS", c.getinfo(pyodbc.SQL_DBMS_NAME), c.getinfo(pyodbc.SQL_DBMS_VER).split(".")[0], c.getinfo(pyodbc.SQL_DATABASE_NAME), c.getinfo(pyodbc.SQL_USER_NAME), c.getinfo(pyodbc.SQL_IDENTIFIER_QUOTE_CHAR))
show("SQLTables", k.tables(tableType="TABLE"))
show("SQLTables of public", k.tables(table="works", schema="public"))
show("SQLTables by pattern", k.tables(table="wor%", schema="pub%", tableType="TABLE,VIEW"))
show("SQLTables, catalogs", k.tables(catalog="%", schema="", table=""))
show("SQLTables, schemas", k.tables(catalog="", schema="%", table=""))
show("SQLTables, types", k.tables(catalog="", schema="", table="", tableType="%"), sorted_by_text)
show("SQLColumns", k.columns(table="works", schema="public"))
show("SQLColumns by pattern", k.columns(table="works", column="n%"))
show("SQLPrimaryKeys", k.primaryKeys("works", schema="public"))
show("SQLStatistics", k.statistics("works", schema="public"))
show("SQLSpecialColumns, of a row", k.rowIdColumns("works", schema="public"))
show("SQLSpecialColumns, of a version", k.rowVerColumns("works", schema="public"))
show("SQLForeignKeys, to it", k.foreignKeys(table="works", schema="public"))
show("SQLForeignKeys, from it", k.foreignKeys(foreignTable="works", foreignSchema="public"))
show("SQLProcedures", k.procedures(schema="public"))
show("SQLProcedureColumns", k.procedureColumns(procedure="none", schema="public"))
show("SQLGetTypeInfo", k.getTypeInfo())
k.execute("SELECT * FROM works WHERE firm = ?", "f1")
print("== columns of a query")
for d in k.description:
    print(d[0], d[1].__name__, *d[2:])
