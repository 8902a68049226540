package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import java.util.Collection;

/** Families of operators, and the versions in which a model has them. */
public final class Domains {
    private Domains() {}

    /** Returns the version that a model has of a family, 1 if it does not mention it. */
    public static int version(ModelProto model, String domain) {
        return model.getOpsetImportList().stream()
                .filter(each -> isSame(each.getDomain(), domain))
                .mapToInt(each -> (int) each.getVersion())
                .max()
                .orElse(1);
    }

    /** Imports the families of operators that a model under construction lacks, in the versions of another model. */
    public static void addMissing(ModelProto.Builder model, Collection<NodeProto> nodes, ModelProto versions) {
        for (NodeProto node : nodes) {
            String domain = node.getDomain();
            if (model.getOpsetImportList().stream().noneMatch(each -> isSame(each.getDomain(), domain))) {
                model.addOpsetImport(
                        OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(version(versions, domain)));
            }
        }
    }

    /** Returns whether it is the family of the standard operators. */
    static boolean isStandard(String domain) {
        return isSame(domain, "");
    }

    /** The standard operators have two names. */
    private static boolean isSame(String a, String b) {
        return a.equals(b) || (a.isEmpty() && b.equals("ai.onnx")) || (a.equals("ai.onnx") && b.isEmpty());
    }
}
