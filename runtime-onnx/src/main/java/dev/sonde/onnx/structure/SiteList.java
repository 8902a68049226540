package dev.sonde.onnx.structure;

import dev.sonde.DType;
import dev.sonde.manifest.Absence;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.SiteInfo;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The sites found so far, with their places. The first to claim a name has it. */
final class SiteList {
    private final Shapes shapes;
    private final Map<String, SiteInfo> sites = new LinkedHashMap<>();
    private final Map<String, Binding> bindings = new LinkedHashMap<>();
    private final Map<String, Absence> absences = new LinkedHashMap<>();

    SiteList(Shapes shapes) {
        this.shapes = shapes;
    }

    void add(String name, String kind, List<AxisInfo> axes, Binding binding) {
        shapes.find(binding.value()).filter(shape -> !sites.containsKey(name)).ifPresent(shape -> {
            sites.put(name, new SiteInfo(name, kind, shape.dtype(), axes, binding.point(), true));
            bindings.put(name, binding);
        });
    }

    /** Adds a site on a value that is made only in programs that look at it. */
    void addMade(String name, String kind, DType dtype, List<AxisInfo> axes, Binding binding) {
        if (!sites.containsKey(name)) {
            sites.put(name, new SiteInfo(name, kind, dtype, axes, binding.point(), true));
            bindings.put(name, binding);
        }
    }

    /** Adds a parameter of the model; only numbers that it computes with can be edited. */
    void addParameter(String name, DType dtype, List<AxisInfo> axes, Binding binding) {
        if (!sites.containsKey(name)) {
            boolean editable = dtype.isFloat() || dtype == DType.INT8 || dtype == DType.UINT8;
            sites.put(name, new SiteInfo(name, "Parameter", dtype, axes, binding.point(), editable));
            bindings.put(name, binding);
        }
    }

    void absent(String name, String reason) {
        if (!sites.containsKey(name)) {
            absences.putIfAbsent(name, new Absence(name, reason));
        }
    }

    boolean has(String name) {
        return sites.containsKey(name);
    }

    Map<String, SiteInfo> sites() {
        return sites;
    }

    Map<String, Binding> bindings() {
        return bindings;
    }

    List<Absence> absences() {
        return absences.values().stream()
                .filter(each -> !sites.containsKey(each.site()))
                .toList();
    }
}
