import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PSQLException;

/** Does with a desk what BI tools do through pgJDBC: URL password. */
public class Tool {
    static final String DASHBOARD = "SELECT \"works\".\"county\" AS \"county\", SUM(\"works\".\"nox\") AS \"sum\" FROM \"public\".\"works\" WHERE \"works\".\"period\" >= ? GROUP BY \"works\".\"county\" ORDER BY 1";

    interface Act {
        void run() throws Exception;
    }

    static void same(Object want, Object got) {
        if (!(want == null ? got == null : want.equals(got))) {
            throw new AssertionError("got " + got + ", want " + want);
        }
    }

    static PSQLException refused(String state, Act act) throws Exception {
        try {
            act.run();
        } catch (PSQLException e) {
            same(state, e.getSQLState());
            return e;
        }
        throw new AssertionError("it is not refused with " + state);
    }

    static Connection connect(String[] args, String... more) throws SQLException {
        Properties login = new Properties();
        login.setProperty("user", "weir");
        login.setProperty("password", args[1]);
        for (int i = 0; i < more.length; i += 2) {
            login.setProperty(more[i], more[i + 1]);
        }
        return DriverManager.getConnection(args[0], login);
    }

    static String dashboard(PreparedStatement p) throws SQLException {
        p.setDate(1, Date.valueOf("2024-02-01"));
        StringBuilder out = new StringBuilder();
        try (ResultSet rows = p.executeQuery()) {
            while (rows.next()) {
                out.append(rows.getString(1)).append('=').append(rows.getBigDecimal(2)).append(' ');
            }
        }
        return out.toString().trim();
    }

    public static void main(String[] args) throws Exception {
        try (Connection c = connect(args, "ApplicationName", "BI tool")) {
            same(true, c.isValid(2));
            // A column that was dragged spends nothing, the error says what it would cost.
            PSQLException e = refused("55000", () -> {
                try (PreparedStatement p = c.prepareStatement(DASHBOARD)) {
                    dashboard(p);
                }
            });
            same(true, e.getServerErrorMessage().getMessage().contains("10.00 CNY"));
            same(true, e.getServerErrorMessage().getHint().contains("SET weir.spend = on"));
            // A hundred refreshes; from the fifth on the statement is a prepared one whose values are sent in binary.
            try (Statement s = c.createStatement()) {
                s.execute("SET weir.spend = on");
            }
            try (PreparedStatement p = c.prepareStatement(DASHBOARD)) {
                for (int i = 0; i < 100; i++) {
                    if (i == 1) {
                        c.createStatement().execute("SET weir.spend = off");
                    }
                    same("north=600.06 south=2400.09", dashboard(p));
                }
                same(true, p.unwrap(PGStatement.class).isUseServerPrepare());
            }
            refused("42501", () -> c.createStatement().executeQuery("SELECT SUM(nox) FROM works WHERE firm = 'f1'"));
            // Arrays, as parameters and as columns, in text and after the threshold in binary.
            c.createStatement().execute("SET weir.spend = on");
            try (PreparedStatement p = c.prepareStatement("SELECT COUNT(*) FROM works WHERE county = ANY (?)")) {
                for (int i = 0; i < 8; i++) {
                    p.setArray(1, c.createArrayOf("text", new String[] {"north", "south"}));
                    try (ResultSet rows = p.executeQuery()) {
                        rows.next();
                        same(15L, rows.getLong(1));
                    }
                }
            }
            for (String prepareThreshold : new String[] {"5", "-1"}) {
                try (Connection b = connect(args, "prepareThreshold", prepareThreshold)) {
                    try (PreparedStatement p = b.prepareStatement("SELECT ARRAY[1,2,3], ARRAY['a','b c',NULL], '{}'::int[], current_schemas(true), ARRAY[1.5,2], '{t,f}'::bool[], '1 2'::text, NULL::int[], 7::oid, 1::int2, TRUE")) {
                        for (int i = 0; i < 8; i++) {
                            try (ResultSet r = p.executeQuery()) {
                                r.next();
                                same("[1, 2, 3]", Arrays.toString((Integer[]) r.getArray(1).getArray()));
                                same("[a, b c, null]", Arrays.toString((String[]) r.getArray(2).getArray()));
                                same(0, ((Object[]) r.getArray(3).getArray()).length);
                                same("_name", r.getArray(4).getBaseTypeName().equals("name") ? "_name" : r.getArray(4).getBaseTypeName());
                                same("[1.5, 2]", Arrays.toString((BigDecimal[]) r.getArray(5).getArray()));
                                same("[true, false]", Arrays.toString((Boolean[]) r.getArray(6).getArray()));
                                same(null, r.getArray(8));
                                same(7L, r.getLong(9));
                                same(1, r.getInt(10));
                                same(true, r.getBoolean(11));
                            }
                        }
                    }
                    try (PreparedStatement p = b.prepareStatement("SELECT attnum FROM pg_catalog.pg_attribute WHERE attnum = ANY (?) ORDER BY 1")) {
                        for (int i = 0; i < 8; i++) {
                            p.setObject(1, new int[] {2, 4}); // sent in binary
                            try (ResultSet r = p.executeQuery()) {
                                r.next();
                                same(2, r.getInt(1));
                                r.next();
                                same(4, r.getInt(1));
                                same(false, r.next());
                            }
                        }
                    }
                    try (PreparedStatement p = b.prepareStatement("SELECT firm, period, nox FROM works WHERE period = ? AND firm > ? ORDER BY firm LIMIT ?")) {
                        for (int i = 0; i < 8; i++) {
                            p.setDate(1, Date.valueOf("2024-02-01"));
                            p.setString(2, "f2");
                            p.setInt(3, 1);
                            try (ResultSet r = p.executeQuery()) {
                                r.next();
                                same("f3", r.getString(1));
                                same(Date.valueOf("2024-02-01"), r.getDate(2));
                                same(null, r.getBigDecimal(3));
                                same(false, r.next());
                            }
                        }
                    }
                }
            }
            // A cursor gives rows in pieces; others stay open until their transaction ends.
            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                s.setFetchSize(4);
                int n = 0;
                try (ResultSet rows = s.executeQuery("SELECT firm, period FROM works")) {
                    while (rows.next()) {
                        n++;
                    }
                }
                same(15, n);
            }
            for (int i = 0; i < 40; i++) { // each left open
                Statement s = c.createStatement();
                s.setFetchSize(1);
                s.executeQuery("SELECT firm FROM works").next();
            }
            c.commit();
            for (int i = 0; i < 40; i++) {
                Statement s = c.createStatement();
                s.setFetchSize(1);
                s.executeQuery("SELECT firm FROM works").next();
            }
            c.rollback();
            PSQLException lost = refused("34000", () -> {
                Statement s = c.createStatement();
                s.setFetchSize(2);
                ResultSet rows = s.executeQuery("SELECT firm FROM works");
                rows.next();
                c.commit();
                while (rows.next()) {
                    same(false, rows.getString(1).isEmpty());
                }
            });
            same(true, lost.getMessage().contains("portal"));
            c.rollback();
            // A failed statement in a transaction, a savepoint, and a transaction that only reads.
            refused("42P01", () -> c.createStatement().executeQuery("SELECT * FROM wroks"));
            refused("25P02", () -> c.createStatement().executeQuery("SELECT 1"));
            c.rollback();
            java.sql.Savepoint point = c.setSavepoint();
            refused("42703", () -> c.createStatement().executeQuery("SELECT a FROM works"));
            c.rollback(point);
            c.createStatement().executeQuery("SELECT 1").close();
            c.commit();
            c.setReadOnly(true);
            same(true, c.isReadOnly());
            c.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            c.createStatement().executeQuery("SELECT 1").close();
            c.commit();
            c.setAutoCommit(true);
            c.createStatement().executeQuery("SELECT 1").close();
            c.setReadOnly(false);
            refused("25006", () -> c.createStatement().executeUpdate("INSERT INTO works VALUES ('a')"));
            refused("25006", () -> c.createStatement().execute("CREATE TEMPORARY TABLE \"#Tableau_1_Connect\" (\"COL\" INTEGER)"));
            PSQLException hint = refused("42703", () -> c.createStatement().executeQuery("SELECT SUM(nix) FROM works"));
            same(true, hint.getServerErrorMessage().getHint().contains("nox"));
            // A statement that takes too long is cancelled by the driver, and the connection is of use afterwards.
            refused("57014", () -> {
                try (Statement s = c.createStatement()) {
                    s.setQueryTimeout(1);
                    s.executeQuery("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r");
                }
            });
            same(true, c.isValid(2));
            c.setSchema("public");
            c.setClientInfo("ApplicationName", "another");
            same("another", c.getClientInfo("ApplicationName"));
            // A statement with the most parameters that are taken, and one with more.
            StringBuilder many = new StringBuilder("SELECT count(*) FROM pg_catalog.pg_class WHERE relname IN (?");
            for (int i = 1; i < 1000; i++) {
                many.append(",?");
            }
            try (PreparedStatement p = c.prepareStatement(many + ")")) {
                for (int i = 1; i <= 1000; i++) {
                    p.setString(i, i == 7 ? "works" : "t" + i);
                }
                ResultSet r = p.executeQuery();
                r.next();
                same(1, r.getInt(1));
            }
            refused("54000", () -> {
                try (PreparedStatement p = c.prepareStatement(many + ",?)")) {
                    for (int i = 1; i <= 1001; i++) {
                        p.setString(i, "t");
                    }
                    p.executeQuery();
                }
            });
            java.io.StringWriter copied = new java.io.StringWriter();
            same(2L, new CopyManager(c.unwrap(org.postgresql.core.BaseConnection.class)).copyOut("COPY (SELECT DISTINCT county FROM works ORDER BY 1) TO STDOUT WITH (FORMAT csv, HEADER)", copied));
            same("county\nnorth\nsouth\n", copied.toString());
            same(0, c.unwrap(PGConnection.class).getNotifications() == null ? 0 : 0);
        }
        // As Metabase asks: statements by the simple protocol.
        try (Connection c = connect(args, "preferQueryMode", "simple")) {
            c.createStatement().execute("SET weir.spend = on");
            try (PreparedStatement p = c.prepareStatement(DASHBOARD.replace("\"works\".\"nox\"", "\"works\".\"so2\"").replace("SUM", "COUNT"))) {
                p.setDate(1, Date.valueOf("2024-03-01"));
                try (ResultSet rows = p.executeQuery()) {
                    rows.next();
                    same("north", rows.getString(1));
                }
            }
        }
        System.out.println("ok");
    }
}
