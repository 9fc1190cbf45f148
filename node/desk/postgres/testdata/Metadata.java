import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.util.Properties;

/** Prints what the metadata of the table works is by pgJDBC: URL password. */
public class Metadata {
    static void print(String title, ResultSet rows, String... columns) throws SQLException {
        System.out.println("== " + title);
        ResultSetMetaData meta = rows.getMetaData();
        StringBuilder names = new StringBuilder();
        for (int i = 1; i <= meta.getColumnCount(); i++) {
            names.append(i > 1 ? "|" : "").append(meta.getColumnLabel(i));
        }
        System.out.println(names);
        while (rows.next()) {
            StringBuilder line = new StringBuilder();
            for (int i = 1; i <= meta.getColumnCount(); i++) {
                line.append(i > 1 ? "|" : "").append(rows.getString(i));
            }
            System.out.println(line);
        }
        rows.close();
    }

    public static void main(String[] args) throws Exception {
        Properties login = new Properties();
        login.setProperty("user", "weir");
        login.setProperty("password", args[1]);
        try (Connection c = DriverManager.getConnection(args[0], login)) {
            DatabaseMetaData m = c.getMetaData();
            System.out.println("-- " + m.getDriverName() + " " + m.getDriverVersion());
            print("getCatalogs", m.getCatalogs());
            print("getSchemas", m.getSchemas());
            print("getSchemas of public", m.getSchemas(null, "public"));
            print("getTableTypes", m.getTableTypes());
            print("getTables", m.getTables(null, null, "%", new String[] {"TABLE", "VIEW", "FOREIGN TABLE", "MATERIALIZED VIEW", "PARTITIONED TABLE"}));
            print("getTables of public", m.getTables("weir", "public", "wor%", null));
            print("getColumns", m.getColumns(null, "public", "works", null));
            print("getColumns by name", m.getColumns("weir", "public", "%", "n%"));
            print("getPrimaryKeys", m.getPrimaryKeys(null, "public", "works"));
            print("getImportedKeys", m.getImportedKeys(null, "public", "works"));
            print("getExportedKeys", m.getExportedKeys(null, "public", "works"));
            print("getCrossReference", m.getCrossReference(null, "public", "works", null, "public", "works"));
            print("getIndexInfo", m.getIndexInfo(null, "public", "works", false, true));
            print("getBestRowIdentifier", m.getBestRowIdentifier(null, "public", "works", DatabaseMetaData.bestRowSession, true));
            print("getVersionColumns", m.getVersionColumns(null, "public", "works"));
            print("getTablePrivileges", m.getTablePrivileges(null, "public", "works"));
            print("getColumnPrivileges", m.getColumnPrivileges(null, "public", "works", "%"));
            print("getProcedures", m.getProcedures(null, "public", "%"));
            print("getProcedureColumns", m.getProcedureColumns(null, "public", "%", "%"));
            print("getFunctions", m.getFunctions(null, "public", "%"));
            print("getFunctionColumns", m.getFunctionColumns(null, "public", "%", "%"));
            print("getUDTs", m.getUDTs(null, "public", "%", new int[] {Types.DISTINCT}));
            print("getClientInfoProperties", m.getClientInfoProperties());
            System.out.println("== getTypeInfo");
            try (ResultSet types = m.getTypeInfo()) {
                while (types.next()) {
                    String name = types.getString("TYPE_NAME");
                    if (name.matches("bool|int[248]|float[48]|numeric|text|varchar|date|timestamp|timestamptz|oid|name|_int4|_text")) {
                        System.out.println(name + "|" + types.getInt("DATA_TYPE") + "|" + types.getInt("PRECISION") + "|" + types.getString("LITERAL_PREFIX") + "|" + types.getBoolean("CASE_SENSITIVE")
                            + "|" + types.getInt("SEARCHABLE") + "|" + types.getBoolean("UNSIGNED_ATTRIBUTE") + "|" + types.getBoolean("AUTO_INCREMENT"));
                    }
                }
            }
            System.out.println("== getSQLKeywords " + (m.getSQLKeywords().length() > 100));
            System.out.println("== getMaxNameLength " + m.getMaxColumnNameLength() + ", of an index " + m.getMaxColumnsInIndex());
            System.out.println("== getDefaultTransactionIsolation " + m.getDefaultTransactionIsolation() + ", now " + c.getTransactionIsolation());
            System.out.println("== getUserName " + m.getUserName() + ", catalog " + c.getCatalog() + ", schema " + c.getSchema());
            System.out.println("== product " + m.getDatabaseProductName() + " " + m.getDatabaseMajorVersion());
            try (ResultSet rows = c.createStatement().executeQuery("SELECT * FROM works")) {
                ResultSetMetaData columns = rows.getMetaData();
                System.out.println("== columns of a query");
                for (int i = 1; i <= columns.getColumnCount(); i++) {
                    System.out.println(columns.getColumnName(i) + "|" + columns.getColumnType(i) + "|" + columns.getColumnTypeName(i) + "|" + columns.getColumnClassName(i) + "|" + columns.getTableName(i)
                        + "|" + columns.getSchemaName(i) + "|" + columns.isNullable(i) + "|" + columns.isAutoIncrement(i) + "|" + columns.getPrecision(i) + "|" + columns.getScale(i)
                        + "|" + columns.isSigned(i) + "|" + (columns.getColumnType(i) == Types.NUMERIC));
                }
            }
        }
    }
}
